import { constants, type Stats } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { codeOf } from '../../../domain/caught.ts';
import { copyAttributes } from './attributes.ts';
import { type FileLock, lockFile, TEMPORARY, temporaryName } from './file-lock.ts';
import {
  FileChangedError,
  FileRefusedError,
  handlePath,
  isInside,
  openReal,
  readAll,
  refusalOf,
} from './inside.ts';

/**
 * Age at which a temporary file counts as abandoned: much longer than a write takes, on this node or another
 * one sharing the folder.
 */
const LEFT_BEHIND_AFTER_MS = 600_000;

/**
 * A folder held open by a descriptor: it stays the folder that was checked, even if its path is renamed or
 * replaced.
 */
interface Folder {
  readonly handle: FileHandle;
  /** A path to an entry of this folder, for system calls. */
  at(name: string): string;
}

/**
 * Creates a file atomically: after a crash it either exists in full or not at all. Creates missing folders.
 * Its mode follows the umask, as for a file made by hand.
 * @throws {FileChangedError} when anything is already there @throws {FileRefusedError} when the system
 * refuses
 */
export async function createFile(root: string, path: string, bytes: Buffer): Promise<void> {
  try {
    const parent = await makeFolders(root, dirname(path));
    await inFolder(root, parent, async (folder) => {
      const target = folder.at(basename(path));
      // checked before writing; `placeNew` catches a file created since
      if (await exists(target)) throw thereAlready(path);
      const temporary = folder.at(temporaryName());
      try {
        await writeTemporary(temporary, bytes, 0o666, null);
        await placeNew(temporary, target, folder, path);
      } finally {
        await unlink(temporary).catch(() => undefined);
      }
      await settle(folder);
    });
  } catch (error) {
    throw refusalOf(error, path, 'created');
  }
}

/**
 * Replaces a file atomically: after a crash it is either the old one or the new one. Follows symlinks as long
 * as the target is inside `root`. Concurrent writers, here and on other nodes, each see what the previous one
 * wrote. Keeps mode, owner, group, ACL and extended attributes as far as the system permits; another hard
 * link to the file keeps the old content.
 * @param contentOf maps the current content (null: no file) to the new one; nothing is written if they are
 * equal
 * @throws {FileChangedError} when a program that ignores our locks changed it @throws {FileRefusedError}
 */
export async function replaceFile(
  root: string,
  path: string,
  maxBytes: number,
  contentOf: (current: Buffer | null) => Buffer,
): Promise<void> {
  try {
    const real = await realpath(join(root, path)).catch(missing);
    if (real === null) {
      await createFile(root, path, contentOf(null));
      return;
    }
    requireInside(root, real, path);
    await inFolder(root, dirname(real), (folder) =>
      locked(folder, basename(real), async (lock) => {
        const target = folder.at(basename(real));
        const file = await open(target, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          const before = await file.stat();
          if (!before.isFile()) throw new FileRefusedError(`"${path}" is not a regular file.`);
          const current = await readAll(file, maxBytes);
          if (!current) throw new FileRefusedError(`"${path}" is longer than ${maxBytes} bytes.`);
          const bytes = contentOf(current);
          if (bytes.equals(current)) return;
          const temporary = folder.at(temporaryName());
          try {
            await writeTemporary(temporary, bytes, 0o600, file);
            if (!(await lock.isHeld()) || !isSame(before, await lstat(target))) throw changed(path);
            await rename(temporary, target);
          } catch (error) {
            await unlink(temporary).catch(() => undefined);
            throw error;
          }
          await settle(folder);
        } finally {
          await file.close();
        }
      }),
    );
  } catch (error) {
    throw refusalOf(error, path, 'written');
  }
}

/**
 * Removes a file, or a symlink without its target.
 * @param check gets the current content, and throws when it must not be removed
 * @returns whether there was one
 * @throws {FileChangedError} when a program that ignores our locks changed it @throws {FileRefusedError}
 */
export async function removeFile(
  root: string,
  path: string,
  maxBytes: number,
  check: (current: Buffer) => void,
): Promise<boolean> {
  try {
    const real = await realpath(join(root, path)).catch(missing);
    if (real === null || !isInside(root, real)) return false;
    const parent = await realpath(dirname(join(root, path)));
    if (!isInside(root, parent)) return false;
    await inFolder(root, parent, (folder) =>
      locked(folder, basename(path), async (lock) => {
        const target = folder.at(basename(path));
        const before = await lstat(target);
        check(await readChecked(root, real, path, maxBytes));
        if (!(await lock.isHeld())) throw changed(path);
        // under a secret name it can be checked once more, and put back
        const aside = folder.at(temporaryName());
        await rename(target, aside);
        if (!isSame(before, await lstat(aside))) {
          await link(aside, target);
          await unlink(aside);
          throw changed(path);
        }
        await unlink(aside);
        await settle(folder);
      }),
    );
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw refusalOf(error, path, 'removed');
  }
}

async function readChecked(root: string, real: string, path: string, maxBytes: number): Promise<Buffer> {
  const file = await openReal(root, real, constants.O_RDONLY);
  if (!file) throw changed(path);
  try {
    if (!(await file.stat()).isFile()) throw new FileRefusedError(`"${path}" is not a regular file.`);
    const bytes = await readAll(file, maxBytes);
    if (!bytes) throw new FileRefusedError(`"${path}" is longer than ${maxBytes} bytes.`);
    return bytes;
  } finally {
    await file.close();
  }
}

async function inFolder<T>(root: string, path: string, work: (folder: Folder) => Promise<T>): Promise<T> {
  const handle = await openReal(root, path, constants.O_RDONLY | constants.O_DIRECTORY);
  if (!handle)
    throw new FileRefusedError(`"${relative(root, path)}" is not a folder inside the playbook folder.`);
  try {
    return await work({ handle, at: (name) => join(handlePath(handle, path), name) });
  } finally {
    await handle.close();
  }
}

async function locked<T>(folder: Folder, name: string, work: (lock: FileLock) => Promise<T>): Promise<T> {
  const lock = await lockFile(folder.at('.'), name);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

/** @param like the file whose attributes it gets; it is never more readable than that one */
async function writeTemporary(
  path: string,
  bytes: Buffer,
  mode: number,
  like: FileHandle | null,
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(bytes);
    if (like) await copyAttributes(like, file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives a new file its final name, without ever overwriting an existing one. */
async function placeNew(temporary: string, target: string, folder: Folder, path: string): Promise<void> {
  try {
    await link(temporary, target);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') throw thereAlready(path);
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    // no hard links on this file system: the lock at least excludes other Sible writers
    await locked(folder, basename(path), async () => {
      if (await exists(target)) throw thereAlready(path);
      await rename(temporary, target);
    });
  }
}

async function settle(folder: Folder): Promise<void> {
  await folder.handle.sync();
  for (const name of await readdir(folder.at('.'))) {
    if (!name.startsWith(TEMPORARY.prefix) || !name.endsWith(TEMPORARY.suffix)) continue;
    const info = await stat(folder.at(name)).catch(() => null);
    if (info && Date.now() - info.mtimeMs > LEFT_BEHIND_AFTER_MS)
      await unlink(folder.at(name)).catch(() => undefined);
  }
}

/** Creates the folders of `path` one by one, never outside `root`. @returns the real path of the last one */
async function makeFolders(root: string, path: string): Promise<string> {
  let current = root;
  for (const segment of path === '.' ? [] : path.split('/')) {
    const named = join(current, segment);
    await mkdir(named).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    const real = await realpath(named).catch(missing);
    if (real === null || !isInside(root, real)) {
      throw new FileRefusedError(
        `"${relative(root, named)}" is a symbolic link that leads out of the playbook folder.`,
      );
    }
    if (!(await stat(real)).isDirectory())
      throw new FileRefusedError(`"${relative(root, named)}" is a file, not a folder.`);
    current = real;
  }
  return current;
}

function requireInside(root: string, real: string, path: string): void {
  if (!isInside(root, real))
    throw new FileRefusedError(`"${path}" is a symbolic link that leads out of the playbook folder.`);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(missing)) !== null;
}

function missing(error: unknown): null {
  const code = codeOf(error);
  if (code === 'ENOENT') return null;
  throw error;
}

function isSame(before: Stats, now: Stats): boolean {
  return (
    before.dev === now.dev &&
    before.ino === now.ino &&
    before.size === now.size &&
    before.mtimeMs === now.mtimeMs
  );
}

function changed(path: string): FileChangedError {
  return new FileChangedError(`"${path}" was changed by someone else at the same moment.`);
}

function thereAlready(path: string): FileChangedError {
  return new FileChangedError(`There is something at "${path}" already.`);
}
