import { randomBytes } from 'node:crypto';
import { access, constants, cp, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { messageOf } from './domain/caught.ts';
import { takeFileLock } from './storage/sqlite/file-lock.ts';

/** The data folder cannot be used; the message says why. */
export class DataDirError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DataDirError';
  }
}

/** The folder for this node's own data; one server at a time. */
export interface DataDir {
  readonly path: string;
  /** Unique to this node and stable across restarts; identifies the owner of a run. */
  readonly workerId: string;
  /** Releases the lock, so that another server can use the folder. */
  release(): void;
}

/** @throws {DataDirError} when it is not writable, or another server uses it */
export async function openDataDir(path: string): Promise<DataDir> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.W_OK);
    const release = takeFileLock(join(path, 'lock.sqlite'));
    const pidFile = join(path, 'server.pid');
    if (!release) {
      const pid = (await readFile(pidFile, 'utf8').catch(() => '')).trim();
      throw new DataDirError(
        `Another Sible${pid && ` (process ${pid})`} uses this data folder: ${path}. Stop it first, or set SIBLE_DATA_DIR.`,
      );
    }
    // informational only: the lock itself is held in the kernel
    await writeFile(pidFile, `${process.pid}\n`);
    return {
      path,
      workerId: await readWorkerId(join(path, 'worker-id')),
      release,
    };
  } catch (error) {
    if (error instanceof DataDirError) throw error;
    throw new DataDirError(
      `The data folder "${path}" cannot be used: ${messageOf(error)}. Set SIBLE_DATA_DIR to a folder that this user may write.`,
    );
  }
}

/**
 * Copies the examples to the playbook folder if it does not exist yet; an existing folder is left alone, even
 * if empty.
 * @throws {DataDirError} when the path is not a folder
 */
export async function seedPlaybooks(playbooksDir: string, examplesDir: string): Promise<void> {
  const found = await stat(playbooksDir).catch(() => null);
  if (found?.isDirectory()) return;
  if (found) throw new DataDirError(`SIBLE_PLAYBOOKS_DIR: "${playbooksDir}" is not a folder.`);
  // by rename, so that an interrupted start does not leave half of them
  const making = `${playbooksDir}.${randomBytes(4).toString('hex')}.tmp`;
  await mkdir(making, { recursive: true });
  await cp(examplesDir, making, { recursive: true });
  await rename(making, playbooksDir);
}

async function readWorkerId(path: string): Promise<string> {
  const known = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (known !== '') return known;
  const id = `${hostname().slice(0, 60)}-${randomBytes(4).toString('hex')}`;
  const temporary = `${path}.tmp`;
  await writeFile(temporary, `${id}\n`, { mode: 0o600 });
  await rename(temporary, path);
  return id;
}
