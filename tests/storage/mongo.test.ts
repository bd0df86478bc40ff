import { type Db, MongoClient } from 'mongodb';
import { afterAll, describe, expect, it } from 'vitest';
import type { Fact } from '../../server/domain/facts.ts';
import type { Schedule } from '../../server/domain/schedules/schedule.ts';
import {
  runToDocument,
  type ScheduleDocument,
  tickToDocument,
} from '../../server/storage/mongo/mongo-documents.ts';
import { createMongoEnds } from '../../server/storage/mongo/mongo-ends.ts';
import { createMongoFirings } from '../../server/storage/mongo/mongo-firings.ts';
import { createMongoRuns } from '../../server/storage/mongo/mongo-runs.ts';
import { createMongoSchedules } from '../../server/storage/mongo/mongo-schedules.ts';
import { openMongoStorage } from '../../server/storage/mongo/mongo-storage.ts';
import { reopenWhenSilent } from '../../server/storage/mongo/silent-driver.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { TIMINGS } from '../../server/timings.ts';
import { describeJobBackendContract } from '../contract/job-backend-contract.ts';
import { factsOf, inAnyOrder, recordFacts } from '../contract/outbox-contract.ts';
import { removeAll } from '../contract/removal-contract.ts';
import { describeStorageContract } from '../contract/storage-contract.ts';
import {
  fireOne,
  makeChunk,
  makeEnd,
  makeFiring,
  makeRun,
  makeSchedule,
  minutesAfter,
  NOON,
} from '../support/make.ts';
import { type MongoDatabase, makeMongoDatabases, mongoUri } from '../support/mongo.ts';
import { waitUntil } from '../support/wait-until.ts';

if (mongoUri() === null) console.log('MongoDB is not covered: MONGODB_URI is not set.');

/** A storage on a database of its own, and a client beside it. */
async function withMongo(
  database: MongoDatabase,
  work: (storage: Storage, db: Db, uri: string) => Promise<void>,
): Promise<void> {
  const storage = await openMongoStorage(database.uri);
  const client = new MongoClient(database.uri);
  try {
    await work(storage, client.db(), database.uri);
  } finally {
    await client.close();
    await storage.close();
    await database.drop();
  }
}

describe.skipIf(mongoUri() === null)('MongoDB', () => {
  const databases = makeMongoDatabases();
  afterAll(() => databases.dropAll());

  describeStorageContract('mongodb', async () => {
    const database = databases.take();
    const opened = new Set<Storage>();
    const open = async () => {
      const storage = await openMongoStorage(database.uri);
      opened.add(storage);
      return storage;
    };
    const storage = await open();
    return {
      storage,
      async reopen() {
        await storage.close();
        return open();
      },
      openSecond: open,
      async dispose() {
        for (const one of opened) await one.close();
        await database.drop();
      },
    };
  });

  describeJobBackendContract('official MongoDB backend', async () => {
    const database = databases.take();
    const storage = await openMongoStorage(database.uri);
    return {
      backend: storage.jobBackend,
      async close() {
        await storage.close();
        await database.drop();
      },
    };
  });

  it('completes a firing that a crash cut short, any node that next touches it', () =>
    withMongo(databases.take(), async (storage, db) => {
      const documents = db.collection<ScheduleDocument>('schedules');
      for (const passerBy of ['sweep', 'delete', 'replace', 'fire'] as const) {
        const schedule = makeSchedule({ nextRunAt: minutesAfter(NOON, 5) });
        const run = makeRun({ scheduleId: schedule.id, scheduledFor: NOON });
        await storage.schedules.insert(schedule);
        const tick = {
          scheduleId: schedule.id,
          scheduledFor: NOON,
          outcome: 'started',
          reason: null,
          runId: run.id,
        } as const;
        const firing = { id: 'cut short', ticks: [tickToDocument(tick)], runs: [runToDocument(run)] };
        await documents.updateOne({ _id: schedule.id }, { $set: { firing } });

        if (passerBy === 'sweep') expect(await storage.schedules.completeFirings()).toBe(1);
        else if (passerBy === 'delete') await storage.schedules.delete(schedule.id);
        else if (passerBy === 'replace') await storage.schedules.replace({ ...schedule, version: 2 }, 1);
        else {
          const stale = {
            scheduleId: schedule.id,
            version: 1,
            expectedNextRunAt: NOON,
            nextRunAt: null,
            dueAt: null,
            ticks: [],
            runs: [],
          };
          expect(await fireOne(storage.schedules, stale)).toBe(false);
        }

        expect(await storage.runs.find(run.id), passerBy).toEqual(run);
        expect(await storage.ticks.count(schedule.id), passerBy).toBe(1);
        expect(await storage.schedules.completeFirings()).toBe(0);
      }
    }));

  describe.each([
    // killed behind the change, before its facts are recorded
    { where: 'before its facts are recorded', isCut: (collection: string) => collection === 'outbox' },
    // killed behind the facts, before the document says so
    {
      where: 'before its document says that they are',
      isCut: (_: string, method: string) => method !== 'insertMany',
    },
  ])('a node that is killed $where', ({ isCut }) => {
    it('loses and doubles no fact', () =>
      withMongo(databases.take(), async (storage, db, uri) => {
        const dying = storesOf(cutting(db, isCut));
        const [fired, broken, edited, removed] = [1, 2, 3, 4].map(() => makeSchedule()) as [
          Schedule,
          Schedule,
          Schedule,
          Schedule,
        ];
        const expected: Fact[] = [];
        for (const { id, name } of [fired, broken, edited, removed])
          expected.push({ kind: 'scheduleChanged', scheduleId: id, change: 'created', version: 1, name });
        for (const schedule of [broken, edited, removed]) await storage.schedules.insert(schedule);
        await recordFacts(storage);

        await dying.schedules.insert(fired);
        await storage.schedules.completeFirings();
        await recordFacts(storage);
        const firing = makeFiring(fired);
        const refused = firing.runs.map((run) => ({ ...run, ...makeEnd({ status: 'failed' }) }));
        expect(await fireOne(dying.schedules, { ...firing, runs: refused })).toBe(true);
        await dying.schedules.setProblem(broken.id, 1, 'Faulty.');
        await dying.schedules.replace({ ...edited, version: 2 }, 1);
        // what is told of it is not there yet, so it is not gone
        await expect(dying.schedules.delete(removed.id)).rejects.toThrow('killed');
        const run = makeRun(makeEnd());
        await dying.runs.insert(run);
        await settled(dying);

        const other = await openMongoStorage(uri);
        const facts = await factsOf(other);

        const [tick] = firing.ticks;
        expected.push(
          {
            kind: 'tickRecorded',
            scheduleId: fired.id,
            scheduledFor: NOON,
            outcome: 'started',
            runId: tick?.runId ?? '',
          },
          { kind: 'runEnded', runId: tick?.runId ?? '', scheduleId: fired.id, status: 'failed' },
          { kind: 'scheduleProblem', scheduleId: broken.id, problem: 'Faulty.' },
          {
            kind: 'scheduleChanged',
            scheduleId: edited.id,
            change: 'updated',
            version: 2,
            name: edited.name,
          },
          {
            kind: 'scheduleChanged',
            scheduleId: removed.id,
            change: 'deleted',
            version: 1,
            name: removed.name,
          },
          { kind: 'runEnded', runId: run.id, scheduleId: null, status: 'succeeded' },
        );
        expect(inAnyOrder(facts)).toEqual(inAnyOrder(expected));
        expect(await other.schedules.find(removed.id)).toBeNull();
        expect(await db.collection('schedules').countDocuments({ 'firing.id': { $exists: true } })).toBe(0);
        expect(await db.collection('runs').countDocuments({ 'ended.id': { $exists: true } })).toBe(0);
        await other.close();
      }));
  });

  it('removes what a crash left of a removal, and keeps a run that was revived meanwhile', () =>
    withMongo(databases.take(), async (storage, db) => {
      const { runs, runLogs } = storage;
      const lost = { ...makeEnd({ status: 'lost' }), workerId: 'one', startedAt: NOON } as const;
      for (const [id, run] of Object.entries({
        gone: makeEnd(),
        cut: makeEnd(),
        revived: lost,
        ended: lost,
      })) {
        await runs.insert(makeRun({ id, ...run }));
        await runLogs.append(id, 'output', makeChunk(1, ['line']));
      }
      await recordFacts(storage);
      const notes = db.collection<{ _id: string; finishedAt: Date }>('removals');
      for (const _id of ['gone', 'cut', 'revived', 'ended'])
        await notes.insertOne({ _id, finishedAt: makeEnd().finishedAt });
      await db.collection<{ _id: string }>('runs').deleteOne({ _id: 'gone' });
      await runs.revive('one', ['revived', 'ended'], minutesAfter(NOON, 9));
      await runs.finish('ended', 'one', makeEnd({ finishedAt: minutesAfter(NOON, 9) }));
      await recordFacts(storage);

      const removed = await removeAll(storage, NOON, 1);

      // two logs of a piece each, and one run
      expect(removed).toBe(3);
      expect((await runs.findMany(['gone', 'cut', 'revived', 'ended'])).map((run) => run?.status)).toEqual([
        undefined,
        undefined,
        'running',
        'succeeded',
      ]);
      const heads = await runLogs.heads(['gone', 'cut', 'revived', 'ended'], 'output');
      expect([...heads.values()].map(({ totalLines }) => totalLines)).toEqual([0, 0, 1, 1]);
      expect(await notes.countDocuments()).toBe(0);
    }));

  it('gives a fact that it cannot read as such, and the others as they are', () =>
    withMongo(databases.take(), async (storage, db) => {
      for (const id of ['one', 'two']) await storage.runs.insert(makeRun({ id, ...makeEnd() }));
      await recordFacts(storage);
      const outbox = db.collection('outbox');
      await outbox.updateOne({ fact: /"one"/ }, { $set: { fact: '{"kind":"moon"}' } });
      expect((await factsOf(storage)).map((fact) => fact?.kind).sort()).toEqual(['runEnded', undefined]);
    }));

  it('says what is wrong with a URI, without its password', async () => {
    const uri = 'mongodb://user:secret@127.0.0.1:1/x';
    const timings = { ...TIMINGS.mongo, connectMs: 200 };
    const error = await openMongoStorage(uri, timings).catch((caught: unknown) => caught);
    expect(String(error)).toMatch(/cannot be used/);
    expect(String(error)).not.toMatch(/secret/);
  });

  it('is opened anew when the driver has stopped looking for it, and its handles stay good', async () => {
    const database = databases.take();
    // a driver that looks once a minute is silent for the test
    const client = new MongoClient(database.uri, { heartbeatFrequencyMS: 60_000 });
    await client.connect();
    const things = client.db().collection('things');
    await things.insertOne({ n: 1 });
    let reopened = 0;
    client.on('topologyOpening', () => {
      reopened += 1;
    });
    const stop = reopenWhenSilent(client, { silentMs: 300, everyMs: 50 });
    try {
      await waitUntil(() => reopened === 2);
      await things.insertOne({ n: 2 });
      expect(await things.countDocuments()).toBe(2);
    } finally {
      stop();
      await client.close();
      await database.drop();
    }
  });
});

/** The stores of one node, and what it has under way. */
function storesOf(db: Db) {
  const [firings, ends] = [createMongoFirings(db), createMongoEnds(db)];
  return { firings, ends, schedules: createMongoSchedules(db, firings), runs: createMongoRuns(db, ends) };
}

/** Resolves when what it has begun has failed. */
async function settled({ firings, ends }: ReturnType<typeof storesOf>): Promise<void> {
  await firings.settled(null);
  await ends.recordPending().catch(() => undefined);
}

/** A database for a node that is killed when it calls one of these methods, which complete what was decided. */
function cutting(db: Db, isCut: (collection: string, method: string) => boolean): Db {
  const methods = ['insertMany', 'updateMany', 'deleteMany'];
  const wrap = <T extends object>(target: T, member: (key: string) => unknown): T =>
    new Proxy(target, {
      get(object, key) {
        const own = member(String(key));
        if (own !== undefined) return own;
        const value: unknown = Reflect.get(object, key, object);
        return typeof value === 'function' ? value.bind(object) : value;
      },
    });
  const killed = () => Promise.reject(new Error('killed'));
  const collection = (name: string) =>
    wrap(db.collection(name), (key) => (methods.includes(key) && isCut(name, key) ? killed : undefined));
  return wrap(db, (key) => (key === 'collection' ? collection : undefined));
}
