import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openSqliteStorage } from '../../server/storage/sqlite/sqlite-storage.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { makeTempDir } from './temp-dir.ts';

/** A real store for one test; closed and removed when that ends, after what the test itself has registered since. */
export async function openTempStorage(): Promise<Storage> {
  const folder = await makeTempDir();
  const storage = await openSqliteStorage(join(folder.path, 'sible.sqlite'));
  onTestFinished(async () => {
    await storage.close();
    await folder.remove();
  });
  return storage;
}
