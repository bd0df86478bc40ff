import { randomUUID } from 'node:crypto';
import { chmod, lstat, opendir, readFile, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../../domain/caught.ts';
import { type FileId, isSameFile } from './guarded-folder.ts';
import { mountPoints } from './mounts.ts';

const FOLDER_MODE = 0o700;
/** One call removes at most this many levels of folders. */
const MAX_PASSES = 10_000;

/**
 * Removes whatever has this name: a symlink itself, and even folders that are not readable as they are. Works
 * sequentially, because there may be millions of files, and empties folders into the topmost one, because their
 * paths may exceed the maximum length of a path.
 * @throws when something is mounted in it: its content is not ours to remove
 */
export async function removeAll(path: string): Promise<void> {
  if (!(await lstat(path).catch(nullIfMissing))?.isDirectory()) return rm(path, { force: true });
  await refuseMounts(path);
  let hasFolders = true;
  for (let pass = 0; hasFolders && pass < MAX_PASSES; pass += 1) {
    hasFolders = false;
    await emptyFolder(path, async (folder) => {
      hasFolders = true;
      await emptyFolder(folder, (inner) => rename(inner, join(path, randomUUID())));
      await rmdir(folder);
    });
  }
  await rmdir(path);
}

/** Identifies a folder whatever its name. The birth time is part of it because file systems reuse inode numbers. */
export interface FolderId extends FileId {
  readonly birthtimeMs: number;
}

export function folderIdOf({ dev, ino, birthtimeMs }: FolderId): FolderId {
  return { dev, ino, birthtimeMs };
}

/**
 * Removes the folder that used to be at `path` if it has been renamed within its parent.
 * @param isOfRun whether a name belongs to a known run, whose folder must not be touched
 */
export async function removeRenamed(
  path: string,
  id: FolderId,
  isOfRun: (name: string) => boolean,
): Promise<void> {
  const parent = dirname(path);
  for await (const { name } of await opendir(parent)) {
    if (isOfRun(name)) continue;
    const at = join(parent, name);
    const stats = await lstat(at).catch(nullIfMissing);
    if (stats && isSameFile(stats, id) && stats.birthtimeMs === id.birthtimeMs) return removeAll(at);
  }
}

async function refuseMounts(path: string): Promise<void> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(nullIfMissing);
  const mounted = mountPoints(text ?? '').find((point) => point === path || point.startsWith(`${path}/`));
  if (mounted !== undefined) throw new Error(`something is mounted at "${mounted}"`);
}

/** @param remove removes a folder, which is writable by then */
async function emptyFolder(path: string, remove: (folder: string) => Promise<void>): Promise<void> {
  await chmod(path, FOLDER_MODE);
  for await (const entry of await opendir(path)) {
    const at = join(path, entry.name);
    if (!entry.isDirectory()) {
      await unlink(at).catch(nullIfMissing);
      continue;
    }
    // moving a folder needs write access to it
    await chmod(at, FOLDER_MODE);
    await remove(at);
  }
}

function nullIfMissing(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}
