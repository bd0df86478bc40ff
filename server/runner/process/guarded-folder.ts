import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { codeOf } from '../../domain/caught.ts';

/**
 * A folder in which someone else may replace anything at any time: files with FIFOs, symlinks, devices or
 * terabytes, and the folder itself with a symlink. Nothing here blocks on what it opens, follows a symlink, or
 * reads more than requested.
 */

/** Identifies a file or folder, whatever its name is by now. */
export interface FileId {
  readonly dev: number;
  readonly ino: number;
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;
/** The file is missing or not ours; any other error, such as too many open files, says nothing about it. */
const UNUSABLE = new Set([
  'ENOENT',
  'ELOOP',
  'ENOTDIR',
  'EISDIR',
  'ENXIO',
  'ENODEV',
  'EACCES',
  'EPERM',
  // another process holds a lease on it
  'EAGAIN',
]);
/** Names below it resolve in the folder that was opened, even if another has taken its place. */
const FDS = '/proc/self/fd';
const HAS_FDS = existsSync(FDS);

export function isSameFile(a: FileId, b: FileId): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/**
 * Calls `work` with a path under which the folder's own files are found.
 * @param expected the folder that it must be; null: any
 * @throws when it is missing, not a folder, or another one
 */
export function inFolder<T>(path: string, expected: FileId | null, work: (path: string) => T): T {
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (expected && !isSameFile(fstatSync(fd), expected))
      throw Object.assign(new Error(`"${path}" was replaced by another folder`), { code: 'ENOENT' });
    return work(HAS_FDS ? `${FDS}/${fd}` : path);
  } finally {
    closeSync(fd);
  }
}

/** A path that leads this process to the file opened as `fd`; without /proc, `path` itself. */
export function pathOfOpen(fd: number, path: string): string {
  return HAS_FDS ? `${FDS}/${fd}` : path;
}

/** Returns null for a failure that means that there is no file of ours. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (UNUSABLE.has(codeOf(error) ?? '')) return null;
    throw error;
  }
}

/** Opens a regular file; null when there is none of this name. @param flags besides the guarding ones */
export function openRegular(path: string, flags: number): number | null {
  return orNull(() => {
    // checked first: opening a device can have side effects
    if (!lstatSync(path).isFile()) return null;
    const fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    return null;
  });
}

/** Text of a small regular file; null when it is not one, or longer than `maxBytes`. */
export function readSmallFile(path: string, maxBytes: number): { text: string; stats: Stats } | null {
  const fd = openRegular(path, O_RDONLY);
  if (fd === null) return null;
  try {
    const stats = fstatSync(fd);
    const buffer = Buffer.alloc(maxBytes + 1);
    const length = stats.size > maxBytes ? buffer.length : readSync(fd, buffer, 0, buffer.length, 0);
    return length > maxBytes ? null : { text: buffer.toString('utf8', 0, length), stats };
  } finally {
    closeSync(fd);
  }
}

/** Creates a new file. @returns its descriptor @throws EEXIST when the name is taken, even by a dangling symlink */
export function openNew(path: string, flags: number, mode: number): number {
  return openSync(path, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK, mode);
}

/** Creates a new file. @throws like `openNew` */
export function writeNew(path: string, text: string, mode: number): void {
  const fd = openNew(path, O_WRONLY, mode);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/**
 * Overwrites a small file in place, in one write; creates it if missing. @param text as long each time
 * @throws when something else has its name
 */
export function overwriteSmall(path: string, text: string, mode: number): void {
  const fd = openRegular(path, O_WRONLY) ?? openNew(path, O_WRONLY, mode);
  try {
    writeSync(fd, text, 0);
  } finally {
    closeSync(fd);
  }
}

/** Creates a file in place of any that has the name; an existing folder stays, and is an error. */
export function insteadOf<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    unlinkSync(path);
    return make();
  }
}
