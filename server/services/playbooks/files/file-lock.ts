import { createHash, randomUUID } from 'node:crypto';
import { open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../../domain/caught.ts';
import { FileChangedError } from './inside.ts';

/** What Sible makes beside the files of the user for a moment; never a playbook, and cleared away after a crash. */
export const TEMPORARY = { prefix: '.sible-', suffix: '.tmp' } as const;

export function temporaryName(): string {
  return `${TEMPORARY.prefix}${randomUUID()}${TEMPORARY.suffix}`;
}

/** The right to change one file, among all writers of all nodes that share the folder. */
export interface FileLock {
  /** Whether it still is ours: a process that was paused may have lost it. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/** A writer takes milliseconds; one that was killed leaves its lock behind. */
const ABANDONED_AFTER_MS = 3_000;
const GIVE_UP_AFTER_MS = 15_000;
const LOOK_EVERY_MS = 10;

/**
 * Takes the lock of a file, waiting for whoever holds it.
 * @param folder where the file is, and the lock with it
 * @throws {FileChangedError} when others change the file all the time
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
