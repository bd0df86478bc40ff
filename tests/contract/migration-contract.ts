import { describe, expect, it } from 'vitest';
import type { Storage } from '../../server/storage/storage.ts';
import { readEverything } from '../support/previous-version/contents.ts';
import type { Expected } from '../support/previous-version/copy.ts';

/** A database that is not open. */
export interface ClosedDatabase {
  open(): Promise<Storage>;
  version(): Promise<number>;
  setVersion(version: number): Promise<void>;
  /** All that is in it, tables and indexes included. */
  dump(): Promise<unknown>;
  remove(): Promise<void>;
}

export interface MigrationContract {
  /** Number of the newest schema. */
  readonly newest: number;
  readonly expected: Expected;
  makeEmpty(): Promise<ClosedDatabase>;
  /** A copy of what the previous version has left. */
  makePrevious(): Promise<ClosedDatabase>;
}

/** Removes the database when the work ends, however it ends. */
export async function withDatabase<T extends ClosedDatabase>(
  made: Promise<T>,
  work: (database: T) => Promise<void>,
): Promise<void> {
  const database = await made;
  try {
    await work(database);
  } finally {
    await database.remove();
  }
}

/** What both storages promise of databases of other versions. */
export function describeMigrations(name: string, contract: MigrationContract): void {
  const { newest, expected, makeEmpty, makePrevious } = contract;
  const openAndClose = async (database: ClosedDatabase) => {
    const storage = await database.open();
    await storage.close();
  };

  describe(`versions of the database: ${name}`, () => {
    it('brings an empty database to the newest schema, once', () =>
      withDatabase(makeEmpty(), async (database) => {
        await openAndClose(database);
        expect(await database.version()).toBe(newest);
        const dump = await database.dump();

        await openAndClose(database);

        expect(await database.dump()).toEqual(dump);
      }));

    it('finds everything that the previous version has stored, value by value', () =>
      withDatabase(makePrevious(), async (database) => {
        for (const time of ['first', 'second']) {
          const storage = await database.open();
          try {
            await storage.schedules.completeFirings();
            const { ids: _, ...then } = expected;
            const now = await readEverything(storage);
            expect(now, time).toMatchObject(then);
            for (const [what, things] of Object.entries(then))
              expect(Object.keys(now[what] ?? {}), what).toEqual(Object.keys(things as object));
          } finally {
            await storage.close();
          }
        }
        expect(await database.version()).toBe(newest);
      }));

    it('gives a database of the previous version the schema of a new one', () =>
      withDatabase(makePrevious(), (previous) =>
        withDatabase(makeEmpty(), async (empty) => {
          for (const database of [previous, empty]) await openAndClose(database);
          expect(await schemaOf(previous)).toEqual(await schemaOf(empty));
        }),
      ));

    it('refuses a database of a newer version in one sentence with both numbers, and leaves it as it is', () =>
      withDatabase(makePrevious(), async (database) => {
        await openAndClose(database);
        await database.setVersion(newest + 3);
        const dump = await database.dump();

        const refused = await database.open().catch((error: unknown) => error);

        expect(refused).toMatchObject({ name: 'NewerDatabaseError' });
        const { message } = refused as Error;
        expect(message).toMatch(
          new RegExp(`newer version of Sible: its schema is number ${newest + 3}, .*up to ${newest};`),
        );
        expect(message).toMatch(/^[^.]*(\.sqlite[^.]*)?\.$/);
        expect(await database.dump()).toEqual(dump);
      }));

    it('is opened by several at once', () =>
      withDatabase(makePrevious(), async (database) => {
        const opened = await Promise.all([1, 2, 3].map(() => database.open()));
        for (const storage of opened) {
          expect((await storage.schedules.find('cron'))?.id).toBe('cron');
          await storage.close();
        }
        expect(await database.version()).toBe(newest);
      }));
  });

  /** Without what is in the tables. */
  async function schemaOf(database: ClosedDatabase): Promise<unknown> {
    const { schema } = (await database.dump()) as { schema: unknown };
    return schema;
  }
}
