import { MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import {
  runToDocument,
  type ScheduleDocument,
  tickToDocument,
} from '../../server/storage/mongo/mongo-documents.ts';
import { openMongoStorage } from '../../server/storage/mongo/mongo-storage.ts';
import { reopenWhenSilent } from '../../server/storage/mongo/silent-driver.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { describeJobBackendContract } from '../contract/job-backend-contract.ts';
import { describeStorageContract } from '../contract/storage-contract.ts';
import { fireOne, makeRun, makeSchedule, minutesAfter, NOON } from '../support/make.ts';
import { makeMongoDatabase, mongoUri } from '../support/mongo.ts';
import { waitUntil } from '../support/wait-until.ts';

if (mongoUri() === null) console.log('MongoDB is not covered: MONGODB_URI is not set.');

describe.skipIf(mongoUri() === null)('MongoDB', () => {
  describeStorageContract('mongodb', async () => {
    const database = makeMongoDatabase();
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
    const database = makeMongoDatabase();
    const storage = await openMongoStorage(database.uri);
    return {
      backend: storage.jobBackend,
      async close() {
        await storage.close();
        await database.drop();
      },
    };
  });

  it('completes a firing that a crash cut short, any node that next touches it', async () => {
    const database = makeMongoDatabase();
    const storage = await openMongoStorage(database.uri);
    const client = new MongoClient(database.uri);
    const documents = client.db().collection<ScheduleDocument>('schedules');
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
    await client.close();
    await storage.close();
    await database.drop();
  });

  it('says what is wrong with a URI, without its password', async () => {
    const uri = 'mongodb://user:secret@127.0.0.1:1/x?serverSelectionTimeoutMS=200';
    const error = await openMongoStorage(uri).catch((caught: unknown) => caught);
    expect(String(error)).toMatch(/cannot be used/);
    expect(String(error)).not.toMatch(/secret/);
  }, 40_000);

  it('is opened anew when the driver has stopped looking for it, and its handles stay good', async () => {
    const database = makeMongoDatabase();
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
