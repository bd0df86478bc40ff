import { createHash, randomUUID } from 'node:crypto';
import { open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../../domain/caught.ts';
import { FileChangedError } from './inside.ts';

/**
 * Names of the temporary files that Sible creates next to the user's files; never playbooks, and cleaned up
 * after a crash.
 */
export const TEMPORARY = { prefix: '.sible-', suffix: '.tmp' } as const;

export function temporaryName(): string {
  return `${TEMPORARY.prefix}${randomUUID()}${TEMPORARY.suffix}`;
}

/** An exclusive lock on one file, across all nodes that share the folder. */
export interface FileLock {
  /** Whether we still hold it: a paused process may have lost it. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** Age at which a lock counts as abandoned by a killed writer; a live one holds it for milliseconds. */
const ABANDONED_AFTER_MS = 3_000;
const GIVE_UP_AFTER_MS = 15_000;
const LOOK_EVERY_MS = 10;

/**
 * Acquires the lock of a file, waiting for its current holder.
 * @param folder the folder of the file; the lock file goes there, too
 * @throws {FileChangedError} when others keep the file locked for too long
 */
export async function lockFile(folder: string, name: string): Promise<FileLock> {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32);
  const path = join(folder, `${TEMPORARY.prefix}${hash}${TEMPORARY.suffix}`);
  const begin = performance.now();
  let seen = { ino: 0, mtimeMs: 0, since: begin };
  while (!(await makeLock(path))) {
    const now = performance.now();
    const info = await stat(path).catch(() => null);
    if (info && (info.ino !== seen.ino || info.mtimeMs !== seen.mtimeMs))
      seen = { ino: info.ino, mtimeMs: info.mtimeMs, since: now };
    else if (info && now - seen.since > ABANDONED_AFTER_MS) await unlink(path).catch(() => undefined);
    if (now - begin > GIVE_UP_AFTER_MS)
      throw new FileChangedError(`"${name}" is being changed by others all the time; try again.`);
    await delay(LOOK_EVERY_MS);
  }
  const { ino, mtimeMs } = await stat(path);
  const isHeld = async () => {
    const info = await stat(path).catch(() => null);
    return info?.ino === ino && info.mtimeMs === mtimeMs;
  };
  return {
    isHeld,
    async release() {
      if (await isHeld()) await unlink(path).catch(() => undefined);
    },
  };
}

async function makeLock(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}
