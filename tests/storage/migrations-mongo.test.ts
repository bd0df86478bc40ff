import { type Db, MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { MIGRATIONS, type Statement } from '../../server/storage/mongo/migrations.ts';
import { migrate } from '../../server/storage/mongo/mongo-schema.ts';
import { openMongoStorage } from '../../server/storage/mongo/mongo-storage.ts';
import { type ClosedDatabase, describeMigrations, withDatabase } from '../contract/migration-contract.ts';
import { makeMongoDatabase, mongoUri } from '../support/mongo.ts';
import { readEverything } from '../support/previous-version/contents.ts';
import { copyDocuments, readExpected } from '../support/previous-version/copy.ts';
import { waitUntil } from '../support/wait-until.ts';

if (mongoUri() === null) console.log('Migrations on MongoDB are not covered: MONGODB_URI is not set.');

describe.skipIf(mongoUri() === null)('MongoDB', () => {
  const expected = readExpected('mongodb');
  const { ids: _, ...everything } = expected;

  async function makeEmpty(): Promise<ClosedDatabase & { readonly db: Db; readonly uri: string }> {
    const database = makeMongoDatabase();
    const client = new MongoClient(database.uri);
    const db = client.db();
    return {
      db,
      uri: database.uri,
      open: () => openMongoStorage(database.uri),
      version: () => versionOf(db),
      async setVersion(version) {
        await db.collection<SchemaDocument>('schema').updateOne({ _id: 'schema' }, { $set: { version } });
      },
      dump: () => dumpOf(db),
      async remove() {
        await client.close();
        await database.drop();
      },
    };
  }

  async function makePrevious() {
    const database = await makeEmpty();
    await copyDocuments(database.uri);
    return database;
  }

  describeMigrations('mongodb', { newest: MIGRATIONS.length, expected, makeEmpty, makePrevious });

  it('a start that is cut short behind any statement is completed by the next one', async () => {
    const whole = await makePrevious();
    await (await whole.open()).close();
    const { schema } = await dumpOf(whole.db);
    await whole.remove();
    const count = MIGRATIONS.flat().length;
    for (let done = 0; done < count; done += 1) {
      const database = await makePrevious();
      await expect(migrate(database.db, { steps: cutBehind(done), leaseMs: 10_000 })).rejects.toThrow(
        'cut short',
      );
      expect(await database.version()).toBeLessThan(MIGRATIONS.length);

      const storage = await database.open();

      await storage.schedules.completeFirings();
      expect(await readEverything(storage), `${done}`).toMatchObject(everything);
      expect((await dumpOf(database.db)).schema, `${done}`).toEqual(schema);
      await storage.close();
      await database.remove();
    }
  }, 120_000);

  describe('the lock', () => {
    const withDb = (work: (db: Db) => Promise<void>) => withDatabase(makeEmpty(), ({ db }) => work(db));
    const lockOf = async (db: Db) =>
      (await db.collection<SchemaDocument>('schema').findOne({ _id: 'schema' }))?.lock;

    it('lets one of several nodes do each step, and the others wait for it', () =>
      withDb(async (db) => {
        const done: string[] = [];
        const step = (name: string) => [async () => void done.push(name)];
        const steps = [step('one'), step('two'), step('three')];

        await Promise.all([1, 2, 3, 4].map(() => migrate(db, { steps, leaseMs: 2_000 })));

        expect(done).toEqual(['one', 'two', 'three']);
        expect(await versionOf(db)).toBe(3);
        expect(await lockOf(db)).toBeUndefined();
      }));

    it('is renewed while a step takes longer than the lease', () =>
      withDb(async (db) => {
        let [begun, isReleased] = [0, false];
        const slow: Statement = async () => {
          begun += 1;
          await waitUntil(() => isReleased, { withinMs: 20_000 });
        };
        const options = { steps: [[slow]], leaseMs: 500 };
        const owner = migrate(db, options);
        await waitUntil(() => begun === 1);
        const waiting = migrate(db, options);

        // three leases on the owner's clock
        await waitUntil(async () => ((await lockOf(db))?.renewals ?? 0) >= 15, { withinMs: 20_000 });
        isReleased = true;
        await Promise.all([owner, waiting]);

        expect(begun).toBe(1);
        expect(await versionOf(db)).toBe(1);
      }));

    it('of a node that was killed is taken over', () =>
      withDb(async (db) => {
        await db
          .collection<SchemaDocument>('schema')
          .insertOne({ _id: 'schema', version: 1, lock: { owner: 'killed', renewals: 7 } });
        const done: number[] = [];
        const steps = [1, 2].map((number) => [async () => void done.push(number)]);

        await Promise.all([migrate(db, { steps, leaseMs: 300 }), migrate(db, { steps, leaseMs: 300 })]);

        expect(done).toEqual([2]);
        expect(await versionOf(db)).toBe(2);
        expect(await lockOf(db)).toBeUndefined();
      }));

    it('of a node that was paused is taken over, and that node changes no number when it goes on', () =>
      withDb(async (db) => {
        let isReleased = false;
        let isPaused = false;
        const pausing: Statement = async () => {
          isPaused = true;
          await waitUntil(() => isReleased, { withinMs: 20_000 });
        };
        // so long a lease is not renewed within the test
        const paused = migrate(db, { steps: [[pausing]], leaseMs: 600_000 });
        await waitUntil(() => isPaused);
        const nothing: Statement = async () => undefined;

        await migrate(db, { steps: [[nothing], [nothing], [nothing]], leaseMs: 300 });
        isReleased = true;

        await expect(paused).rejects.toThrow(/its schema is number 3, this version knows schemas up to 1;/);
        expect(await versionOf(db)).toBe(3);
        expect(await lockOf(db)).toBeUndefined();
      }));

    it('is free again after a step that failed, and its number is not counted', () =>
      withDb(async (db) => {
        const failing: Statement = () => Promise.reject(new Error('of this test'));
        await expect(migrate(db, { steps: [[failing]], leaseMs: 10_000 })).rejects.toThrow('of this test');
        expect(await versionOf(db)).toBe(0);
        expect(await lockOf(db)).toBeUndefined();
      }));
  });
});

interface SchemaDocument {
  _id: string;
  version: number;
  lock?: { owner: string; renewals: number };
}

function cutBehind(done: number): Statement[][] {
  let left = done;
  return MIGRATIONS.map((step) =>
    step.map((statement) => async (db: Db) => {
      if (left === 0) throw new Error('cut short');
      left -= 1;
      await statement(db);
    }),
  );
}

async function versionOf(db: Db): Promise<number> {
  return (await db.collection<SchemaDocument>('schema').findOne({ _id: 'schema' }))?.version ?? 0;
}

async function dumpOf(db: Db): Promise<{ schema: unknown; documents: unknown }> {
  const names = (await db.listCollections().toArray()).map(({ name }) => name).sort();
  const indexes = await Promise.all(names.map((name) => db.collection(name).indexes()));
  const documents = await Promise.all(
    names.map((name) => db.collection(name).find().sort({ _id: 1 }).toArray()),
  );
  const schema = names.map((name, i) => [name, indexes[i]?.map(({ v: _, ...index }) => index)]);
  return { schema, documents };
}
