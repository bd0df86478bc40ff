import { constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { codeOf } from '../../../domain/caught.ts';

/** A file or folder exists but cannot be used; the message says why. */
export class FileRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FileRefusedError';
  }
}

/** The path does not hold what the caller expected. */
export class FileChangedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FileChangedError';
  }
}

/** Reasons for a refusal by the system, in words. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'the operation is not permitted; the file or its folder may be immutable',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be too large',
  ETXTBSY: 'the file is being executed',
  EBUSY: 'the file is in use, or a mount point',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'its name is too long for the file system',
  EIO: 'the device reports an input/output error',
  ESTALE: 'its network file system has lost it',
};

/** Turns a refusal by the system into an error for the user; returns any other error unchanged. */
export function refusalOf(error: unknown, path: string, verb: string): unknown {
  const reason = REASONS[codeOf(error) ?? ''];
  return reason === undefined ? error : new FileRefusedError(`"${path}" cannot be ${verb}: ${reason}.`);
}

export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root + sep);
}

/** On Linux, a path to the open file itself; elsewhere the fallback has to do. */
export function handlePath(handle: FileHandle, fallback: string): string {
  return process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : fallback;
}

/**
 * Opens a path whose symlinks have been resolved, without blocking (a FIFO would), and only inside `root`:
 * the check is on the opened file, not on its path. Null: it is not inside.
 */
export async function openReal(root: string, real: string, flags: number): Promise<FileHandle | null> {
  const handle = await open(real, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const opened =
      process.platform === 'linux' ? await readlink(`/proc/self/fd/${handle.fd}`) : await realpath(real);
    if (isInside(root, opened)) return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return null;
}

/** Reads an open file completely. Null: it is longer than `maxBytes`. */
export async function readAll(handle: FileHandle, maxBytes: number): Promise<Buffer | null> {
  const info = await handle.stat();
  if (info.size > maxBytes) return null;
  const buffer = Buffer.alloc(info.size + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  // it has grown while it was read
  return length > maxBytes ? null : readAll(handle, maxBytes);
}
