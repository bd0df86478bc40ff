import Database from 'libsql';
import { codeOf } from '../../domain/caught.ts';

/**
 * A lock that the kernel holds for this process, and releases however the process ends: even between containers
 * on one volume, where process ids mean nothing. SQLite can take one on every platform.
 * @param path file used for the lock only
 * @returns the function that releases it; null when another process, or this one, holds it
 * @see https://www.sqlite.org/pragma.html#pragma_locking_mode
 */
export function takeFileLock(path: string): (() => void) | null {
  const lock = new Database(path);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT');
    return () => lock.close();
  } catch (error) {
    lock.close();
    if (codeOf(error) === 'SQLITE_BUSY') return null;
    throw error;
  }
}
