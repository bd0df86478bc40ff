import { randomUUID } from 'node:crypto';
import { constants, type Dirent, type Stats, statSync } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readlink,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { codeOf } from '../domain/caught.ts';
import { isPlaybookFolder, isPlaybookPath } from '../domain/playbook.ts';

/**
 * The files under the playbook folder, and nothing outside it. A file or folder that is reached through a symbolic link
 * out of the folder does not exist for us, also when the link is swapped in between check and use: what was opened is
 * checked, not what was named.
 */
export interface PlaybookFolder {
  /** Absolute path of the folder. */
  readonly root: string;
  /** Paths of all playbooks, sorted by code unit. */
  list(): Promise<string[]>;
  /**
   * What tells the file from any other state of it: the same stamp means the same bytes in the same file.
   * Null when there is none, or when it was changed so lately that a change more could not be told from it.
   */
  stamp(path: string): string | null;
  /**
   * @param maxBytes a longer file is refused with `FileRefusedError`
   * @returns null when there is no such file
   * @throws {FileRefusedError} when it is no regular file, cannot be read, or is too long
   */
  read(path: string, maxBytes: number): Promise<Buffer | null>;
  /** Replaces or creates the file as a whole: after a crash it is the old one or the new one. Makes missing folders. */
  write(path: string, content: string): Promise<void>;
  /** @returns whether there was one */
  remove(path: string): Promise<boolean>;
}

/** A file that is there but cannot be used, and why. */
export class FileRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FileRefusedError';
  }
}

const MAX_PLAYBOOKS = 10_000;
/** File systems date a change to a few ms, some to 2 s. */
const CLOCK_STEP_MS = 2_500;
const TEMPORARY = { prefix: '.sible-', suffix: '.tmp' };
/** Much longer than a write takes, on this node or on another one with the same folder. */
const LEFT_BEHIND_AFTER_MS = 600_000;

/** @param folder an existing folder */
export async function openPlaybookFolder(folder: string): Promise<PlaybookFolder> {
  const root = await realpath(folder);

  /** Opens without waiting (a FIFO would) and only what is inside. Null: not there, or not inside. */
  async function openInside(path: string, flags: number): Promise<FileHandle | null> {
    let handle: FileHandle;
    try {
      handle = await open(join(root, path), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') return null;
      if (code === 'EACCES' || code === 'EPERM')
        throw new FileRefusedError(`"${path}" cannot be read: permission denied.`);
      throw error;
    }
    if (isInside(root, await pathOfHandle(handle, join(root, path)))) return handle;
    await handle.close();
    return null;
  }

  async function openFolder(path: string): Promise<FileHandle> {
    const handle = await openInside(path, constants.O_RDONLY | constants.O_DIRECTORY);
    if (!handle) throw new FileRefusedError(`"${path}" is not a folder inside the playbook folder.`);
    return handle;
  }

  return {
    root,

    async list() {
      const found: string[] = [];
      const visit = async (folderPath: string): Promise<void> => {
        let entries: Dirent[];
        try {
          entries = await readdir(join(root, folderPath), { withFileTypes: true });
        } catch (error) {
          // removed, or closed to us: the other folders are shown all the same; the root is not optional
          if (folderPath === '') throw error;
          return;
        }
        for (const entry of entries) {
          if (found.length >= MAX_PLAYBOOKS) return;
          const path = folderPath === '' ? entry.name : `${folderPath}/${entry.name}`;
          // a symbolic link is neither: links are not followed
          if (entry.isDirectory() && isPlaybookFolder(entry.name)) await visit(path);
          else if (entry.isFile() && isPlaybookPath(path)) found.push(path);
        }
      };
      await visit('');
      return found.sort();
    },

    stamp(path) {
      // follows links: where they lead is told by the file's own number, and what it was then was checked when it was read
      const info = statOf(join(root, path));
      if (!info || Date.now() - Math.max(info.mtimeMs, info.ctimeMs) < CLOCK_STEP_MS) return null;
      return `${info.dev} ${info.ino} ${info.size} ${info.mtimeMs} ${info.ctimeMs}`;
    },

    async read(path, maxBytes) {
      const handle = await openInside(path, constants.O_RDONLY);
      if (!handle) return null;
      try {
        const info = await handle.stat();
        if (!info.isFile()) throw new FileRefusedError(`"${path}" is not a regular file.`);
        const buffer = Buffer.alloc(Math.min(info.size, maxBytes) + 1);
        let length = 0;
        while (length < buffer.length) {
          const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
          if (bytesRead === 0) break;
          length += bytesRead;
        }
        if (length > maxBytes || info.size > maxBytes) {
          throw new FileRefusedError(`"${path}" is longer than ${maxBytes} bytes.`);
        }
        return buffer.subarray(0, length);
      } finally {
        await handle.close();
      }
    },

    async write(path, content) {
      const folderPath = dirname(path);
      await makeFolders(root, folderPath);
      const parent = await openFolder(folderPath);
      try {
        // through the handle the folder stays the one that was checked, whatever becomes of its name
        const inParent = (name: string) => join(handlePath(parent, join(root, folderPath)), name);
        const temporary = inParent(`${TEMPORARY.prefix}${randomUUID()}${TEMPORARY.suffix}`);
        const name = path.slice(path.lastIndexOf('/') + 1);
        try {
          const file = await open(temporary, 'wx', 0o644);
          try {
            await file.writeFile(content);
            await file.sync();
          } finally {
            await file.close();
          }
          await rename(temporary, inParent(name));
        } catch (error) {
          await unlink(temporary).catch(() => undefined);
          throw error;
        }
        await parent.sync();
        await removeLeftBehind(inParent('.'));
      } finally {
        await parent.close();
      }
    },

    async remove(path) {
      const existing = await openInside(path, constants.O_RDONLY);
      if (!existing) return false;
      await existing.close();
      const folderPath = dirname(path);
      const parent = await openFolder(folderPath);
      try {
        await unlink(join(handlePath(parent, join(root, folderPath)), path.slice(path.lastIndexOf('/') + 1)));
        await parent.sync();
        return true;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      } finally {
        await parent.close();
      }
    },
  };
}

/** Null when there is nothing of this name, also where a folder on the way to it is none. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** Removes what writers left in the folder that were killed before they could rename it. */
async function removeLeftBehind(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(TEMPORARY.prefix) || !name.endsWith(TEMPORARY.suffix)) continue;
    const path = join(folder, name);
    const info = await stat(path).catch(() => null);
    if (info && Date.now() - info.mtimeMs > LEFT_BEHIND_AFTER_MS) await unlink(path).catch(() => undefined);
  }
}

/** Makes the folders of `path` one by one, never through a symbolic link. */
async function makeFolders(root: string, path: string): Promise<void> {
  let current = root;
  for (const segment of path === '.' ? [] : path.split('/')) {
    current = join(current, segment);
    await mkdir(current).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    if ((await realpath(current)) !== current) {
      throw new FileRefusedError(`"${relative(root, current)}" is a symbolic link.`);
    }
  }
}

function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root + sep);
}

/** Linux names every open file; elsewhere the name that was given has to do. */
function handlePath(handle: FileHandle, fallback: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : fallback;
}

async function pathOfHandle(handle: FileHandle, fallback: string): Promise<string> {
  return process.platform === 'linux' ? readlink(`/proc/self/fd/${handle.fd}`) : realpath(fallback);
}
