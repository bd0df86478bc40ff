import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './domain/caught.ts';
import { createKeyFile, isOpenToOthers, restrictToOwner } from './secrets/key-file.ts';

/** Printable ASCII without spaces, so that it fits into a header and a URL. */
export const KEY_PATTERN = /^[\x21-\x7e]+$/;
export const MIN_KEY_LENGTH = 16;
const MAX_FILE_BYTES = 4_096;

/** The key file cannot be used; the message says why. */
export class AdminKeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AdminKeyError';
  }
}

export interface AdminKey {
  readonly key: string;
  /** What was wrong with the file and has been repaired, in words; null: nothing. */
  readonly mended: string | null;
}

/** Where Sible keeps the key that it generates when none is configured. */
export function adminKeyPath(dataDir: string): string {
  return join(dataDir, 'admin.key');
}

/**
 * Reads the key of this data folder, or generates one. Only the server's user can read the file. The caller
 * holds the folder's lock, so no other server generates one at the same time.
 * @throws {AdminKeyError} when the file holds no key, is not a regular file, or stays readable by others
 */
export async function readAdminKey(dataDir: string): Promise<AdminKey> {
  const path = adminKeyPath(dataDir);
  const found = await readKeyFile(path);
  return found ?? { key: await createKeyFile(path, refuseOpen), mended: null };
}

/** Null when the file is missing, or empty as a crash may leave it. */
async function readKeyFile(path: string): Promise<AdminKey | null> {
  let file: FileHandle;
  try {
    // opening a FIFO must not block until something writes to it
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    const reason = codeOf(error) === 'ELOOP' ? 'it is a link' : (codeOf(error) ?? 'unknown error');
    throw new AdminKeyError(
      `The key in "${path}" cannot be read (${reason}). Make it a file of this user, or delete it to get a new key.`,
    );
  }
  try {
    const before = await file.stat();
    if (!before.isFile() || before.size > MAX_FILE_BYTES)
      throw new AdminKeyError(`"${path}" is no file with a key. Delete it to get a new one.`);
    const isOpen = isOpenToOthers(before);
    if (isOpen && !(await restrictToOwner(file))) refuseOpen(path);
    const key = (await file.readFile('utf8')).trim();
    if (key === '') return null;
    if (!KEY_PATTERN.test(key) || key.length < MIN_KEY_LENGTH) {
      throw new AdminKeyError(
        `"${path}" holds no key: expected at least ${MIN_KEY_LENGTH} printable ASCII characters without blanks. Delete it to get a new one.`,
      );
    }
    const mended = `The key in "${path}" could be read by other users of this machine. It no longer can; if one of them must not have it, delete the file and start Sible again.`;
    return { key, mended: isOpen ? mended : null };
  } finally {
    await file.close();
  }
}

function refuseOpen(path: string): never {
  throw new AdminKeyError(
    `The key in "${path}" can be read by other users of this machine. Take their rights away (chmod 600), or set SIBLE_ADMIN_TOKEN_FILE.`,
  );
}
