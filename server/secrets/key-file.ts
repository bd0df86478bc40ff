import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Files that each hold one key, and that only the server's user can read. */

const KEY_BYTES = 32;
const FOR_OTHERS = 0o077;

export function isOpenToOthers({ mode }: { readonly mode: number }): boolean {
  return (mode & FOR_OTHERS) !== 0;
}

/** Takes the rights of others away. @returns whether it did: some file systems accept it and ignore it */
export async function restrictToOwner(file: FileHandle): Promise<boolean> {
  return file
    .chmod(0o600)
    .then(() => file.stat())
    .then(
      (stat) => !isOpenToOthers(stat),
      () => false,
    );
}

/**
 * Makes a file with a new key, whole or not at all.
 * @param onOpen called when others can read the file; throws
 * @returns the key, base64url
 */
export async function createKeyFile(path: string, onOpen: (path: string) => never): Promise<string> {
  const key = randomBytes(KEY_BYTES).toString('base64url');
  // written and synced before the rename, so that an interrupted start leaves no key rather than half of one
  const making = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  const file = await open(making, 'wx', 0o600);
  try {
    if (!(await restrictToOwner(file))) onOpen(making);
    await file.writeFile(`${key}\n`);
    await file.sync();
  } catch (error) {
    await rm(making, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(making, path);
  const folder = await open(dirname(path), constants.O_RDONLY);
  await folder.sync().catch(() => undefined);
  await folder.close();
  return key;
}
