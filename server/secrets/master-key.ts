import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../domain/caught.ts';
import { SecretsError } from '../domain/errors.ts';
import { createKeyFile, isOpenToOthers, restrictToOwner } from './key-file.ts';

/** The key that secrets are sealed with. */
export interface MasterKey {
  /** Names the key without giving it away; stored with each sealed value. */
  readonly id: string;
  readonly bytes: Buffer;
}

/** Where the key comes from. */
export interface MasterKeySource {
  /** The configured file, which is never made; null: one of our own in the data folder. */
  readonly file: string | null;
  readonly dataDir: string;
}

const KEY_BYTES = 32;
const MAX_FILE_BYTES = 4_096;

/** Null when there is none yet. @throws {SecretsError} when the file holds no key, or others can read it */
export async function readMasterKey({ file, dataDir }: MasterKeySource): Promise<MasterKey | null> {
  const path = file ?? ownPath(dataDir);
  const text = await readKeyText(path, file === null);
  if (text === null) return null;
  return keyOf(text, path);
}

/** @throws {SecretsError} when a file is configured, or when it cannot be made */
export async function makeMasterKey({ file, dataDir }: MasterKeySource): Promise<MasterKey> {
  if (file !== null) throw new SecretsError(`There is no key in "${file}" (SIBLE_MASTER_KEY_FILE).`);
  const path = ownPath(dataDir);
  try {
    return keyOf(await createKeyFile(path, refuseOpen), path);
  } catch (error) {
    if (error instanceof SecretsError) throw error;
    throw new SecretsError(`The key for secrets cannot be written to "${path}" (${codeOf(error)}).`);
  }
}

function ownPath(dataDir: string): string {
  return join(dataDir, 'master.key');
}

function keyOf(text: string, path: string): MasterKey {
  const encoding = text.length === 2 * KEY_BYTES ? 'hex' : 'base64';
  const bytes = /^[\w+/=-]*$/.test(text) ? Buffer.from(text, encoding) : Buffer.alloc(0);
  if (bytes.length !== KEY_BYTES) {
    throw new SecretsError(
      `"${path}" holds no key for secrets: expected 32 bytes as base64 or hex, e.g. from "openssl rand -hex 32".`,
    );
  }
  return {
    id: createHash('sha256').update('sible master key\n').update(bytes).digest('hex').slice(0, 16),
    bytes,
  };
}

/** Null when the file is missing, or empty as a crash may leave it. */
async function readKeyText(path: string, isOurs: boolean): Promise<string | null> {
  // a configured file may be a link, as orchestrators mount them; opening a FIFO must not block
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (isOurs ? constants.O_NOFOLLOW : 0);
  const file = await open(path, flags).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw new SecretsError(`The key for secrets in "${path}" cannot be read (${codeOf(error)}).`);
  });
  if (file === null) return null;
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES)
      throw new SecretsError(`"${path}" is no file with a key for secrets.`);
    if (isOurs && isOpenToOthers(stat) && !(await restrictToOwner(file))) refuseOpen(path);
    const text = (await file.readFile('utf8')).trim();
    return text === '' ? null : text;
  } finally {
    await file.close();
  }
}

function refuseOpen(path: string): never {
  throw new SecretsError(
    `The key for secrets in "${path}" can be read by other users of this machine. Take their rights away (chmod 600), or set SIBLE_MASTER_KEY_FILE.`,
  );
}
