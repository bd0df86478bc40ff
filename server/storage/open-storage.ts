import type { Timings } from '../timings.ts';
import type { Storage } from './storage.ts';

/** Opens the configured storage; the driver of the other one is never loaded. */
export async function openStorage(choice: {
  readonly mongodbUri: string | null;
  readonly sqlitePath: string;
  readonly timings: Pick<Timings, 'mongo' | 'sqlite'>;
}): Promise<Storage> {
  if (choice.mongodbUri !== null) {
    const { openMongoStorage } = await import('./mongo/mongo-storage.ts');
    return openMongoStorage(choice.mongodbUri, choice.timings.mongo);
  }
  const { openSqliteStorage } = await import('./sqlite/sqlite-storage.ts');
  return openSqliteStorage(choice.sqlitePath, choice.timings.sqlite);
}
