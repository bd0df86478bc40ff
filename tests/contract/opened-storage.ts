import { it } from 'vitest';
import type { Storage } from '../../server/storage/storage.ts';

/** A storage on an empty database of its own. */
export interface OpenedStorage {
  readonly storage: Storage;
  /** Closes it and opens the same database again. */
  reopen(): Promise<Storage>;
  /** Another node on the same database; given where storages are shared. */
  openSecond?(): Promise<Storage>;
  /** Closes all that was opened, and removes the database. */
  dispose(): Promise<void>;
}

export type OpenStorage = () => Promise<OpenedStorage>;

type Body = (storage: Storage, opened: OpenedStorage) => Promise<void>;

/** `it` with an empty storage for each test. */
export function storageTest(open: OpenStorage): (title: string, body: Body) => void {
  return (title, body) =>
    it(title, async () => {
      const opened = await open();
      try {
        await body(opened.storage, opened);
      } finally {
        await opened.dispose();
      }
    });
}
