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
 * A folder in which somebody else may replace anything at any time: files by FIFOs, links, devices or terabytes, and the
 * folder itself by a link. Nothing here waits for what it opens, follows a link, or reads more than it was told to.
 */

/** Which file or folder it is, whatever bears its name by now. */
export interface FileId {
  readonly dev: number;
  readonly ino: number;
}

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;
/** What is no file of ours, or is not there; anything else (no file can be opened) says nothing of it. */
const UNUSABLE = new Set([
  'ENOENT',
  'ELOOP',
  'ENOTDIR',
  'EISDIR',
  'ENXIO',
  'ENODEV',
  'EACCES',
  'EPERM',
  // somebody holds a lease on it
  'EAGAIN',
]);
/** Names below it are looked up in the folder that was opened, not in what bears its name by then. */
const FDS = '/proc/self/fd';
const HAS_FDS = existsSync(FDS);

export function isSameFile(a: FileId, b: FileId): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

/**
 * Gives `work` a path below which the folder's own files are found.
 * @param expected which folder it must be; null: any
 * @throws when it is not there, is no folder, or is another one
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

/** A path that leads to what was opened as `fd`, for this process; without /proc the path that is given. */
export function pathOfOpen(fd: number, path: string): string {
  return HAS_FDS ? `${FDS}/${fd}` : path;
}

/** Null instead of a failure that says that there is no file of ours. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (UNUSABLE.has(codeOf(error) ?? '')) return null;
    throw error;
  }
}

/** Opens a regular file; null when there is none under this name. @param flags besides those that guard it */
export function openRegular(path: string, flags: number): number | null {
  return orNull(() => {
    // looked at first: to open a device can have consequences
    if (!lstatSync(path).isFile()) return null;
    const fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    return null;
  });
}

/** Text of a small regular file; null when it is none, or longer than `maxBytes`. */
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

/** Makes a file that was not there. @returns its descriptor @throws EEXIST when anything bears the name, also a link to nowhere */
export function openNew(path: string, flags: number, mode: number): number {
  return openSync(path, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK, mode);
}

/** Makes a file that was not there. @throws as `openNew` */
export function writeNew(path: string, text: string, mode: number): void {
  const fd = openNew(path, O_WRONLY, mode);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** Makes it, in place of what bears the name already; a folder that does is left, and is a failure. */
export function insteadOf<T>(path: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    unlinkSync(path);
    return make();
  }
}
