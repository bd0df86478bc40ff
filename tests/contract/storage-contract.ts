import { describe, expect, it } from 'vitest';
import { LOG_STREAMS } from '../../server/domain/logs/run-log.ts';
import type { Change, Storage } from '../../server/storage/storage.ts';
import { fireOne, makeChunk, makeFiring, makePage, makeRun, makeSchedule } from '../support/make.ts';
import { waitUntil } from '../support/wait-until.ts';
import { describeChannels } from './channel-contract.ts';
import { describeDeliveries } from './delivery-contract.ts';
import { describeFiring } from './firing-contract.ts';
import { describeManualStarts } from './manual-start-contract.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';
import { describeOutbox } from './outbox-contract.ts';
import { describeRemoval } from './removal-contract.ts';
import { describeRetention } from './retention-contract.ts';
import { describeLogStreams, describeRunLogStore } from './run-log-store-contract.ts';
import { describeRunStore } from './run-store-contract.ts';
import { describeRunTransitions } from './run-transitions-contract.ts';
import { describeScheduleLists } from './schedule-lists-contract.ts';
import { describeScheduleStore } from './schedule-store-contract.ts';

/**
 * All that the port `Storage` promises. Called once for each adapter, by `tests/storage/<adapter>.test.ts`.
 * @param open gives each test an empty database of its own
 */
export function describeStorageContract(name: string, open: OpenStorage): void {
  describe(`storage: ${name}`, () => {
    describe('schedules', () => describeScheduleStore(open));
    describe('lists of schedules', () => describeScheduleLists(open));
    describe('firing', () => describeFiring(open));
    describe('starts by hand', () => describeManualStarts(open));
    describe('runs', () => describeRunStore(open));
    describe('states of a run', () => describeRunTransitions(open));
    describe('outbox', () => describeOutbox(open));
    describe('channels', () => describeChannels(open));
    describe('deliveries', () => describeDeliveries(open));
    describe('removal', () => describeRemoval(open));
    describe('retention', () => describeRetention(open));
    for (const stream of LOG_STREAMS)
      describe(`run logs: ${stream}`, () => describeRunLogStore(open, stream));
    describe('streams of a run', () => describeLogStreams(open));
    describe('changes', () => describeChanges(open));
    describe('the whole', () => describeWhole(open));
  });
}

const SCHEDULE_CHANGE: Change = { kind: 'schedule', id: 'a' };

function describeChanges(open: OpenStorage): void {
  const test = storageTest(open);

  test('every listener hears a change before publishing it resolves', async ({ changes }) => {
    const heard: Change[] = [];
    changes.listen((change) => heard.push(change));
    changes.listen((change) => heard.push(change));

    await changes.publish(SCHEDULE_CHANGE);
    await changes.publish({ kind: 'run', id: 'b' });

    expect(heard).toEqual([
      SCHEDULE_CHANGE,
      SCHEDULE_CHANGE,
      { kind: 'run', id: 'b' },
      { kind: 'run', id: 'b' },
    ]);
  });

  test('a listener hears nothing once it has ended, and ending it twice does nothing more', async ({
    changes,
  }) => {
    const heard: string[] = [];
    const listener = (change: Change) => heard.push(change.id);
    const endFirst = changes.listen(listener);
    changes.listen(listener);

    endFirst();
    endFirst();
    await changes.publish(SCHEDULE_CHANGE);

    expect(heard).toEqual(['a']);
  });

  test('a listener that throws neither stops the others nor makes publishing fail', async ({ changes }) => {
    const heard: Change[] = [];
    changes.listen(() => {
      throw new Error('of this test');
    });
    changes.listen((change) => heard.push(change));

    await changes.publish(SCHEDULE_CHANGE);

    expect(heard).toEqual([SCHEDULE_CHANGE]);
  });

  test('a listener may end itself while it is told', async ({ changes }) => {
    const heard: string[] = [];
    const end = changes.listen(() => {
      heard.push('once');
      end();
    });
    changes.listen(() => heard.push('always'));

    await changes.publish(SCHEDULE_CHANGE);
    await changes.publish(SCHEDULE_CHANGE);

    expect(heard).toEqual(['once', 'always', 'always']);
  });

  it('other nodes hear of it within 2 seconds, each once', async (context) => {
    const opened = await open();
    try {
      const second = await opened.openSecond?.();
      if (!second) return context.skip('one node only');
      const heard: string[] = [];
      second.changes.listen((change) => heard.push(`${change.kind} ${change.id}`));
      // it may take a moment until it listens; a hint that is lost costs nothing
      await waitUntil(
        async () => {
          await opened.storage.changes.publish({ kind: 'run', id: 'warm-up' });
          return heard.length > 0;
        },
        { withinMs: 2_000, everyMs: 50 },
      );

      await opened.storage.changes.publish({ kind: 'schedule', id: 'news' });

      await waitUntil(() => heard.includes('schedule news'), { withinMs: 2_000 });
      expect(heard.filter((entry) => entry === 'schedule news')).toEqual(['schedule news']);
    } finally {
      await opened.dispose();
    }
  });
}

function describeWhole(open: OpenStorage): void {
  const test = storageTest(open);

  test('answers a ping', async (storage) => {
    await storage.ping(2_000);
  });

  test('keeps everything over closing and opening again', async (storage, { reopen }) => {
    const schedule = makeSchedule();
    const run = makeRun();
    await storage.schedules.insert(schedule);
    const firing = makeFiring(schedule);
    await fireOne(storage.schedules, firing);
    await storage.runs.insert(run);
    await storage.runLogs.append(run.id, 'output', makeChunk(1, ['PLAY [all]', ''], 12));

    const reopened = await reopen();

    expect(await reopened.schedules.find(schedule.id)).toEqual({
      ...schedule,
      nextRunAt: firing.nextRunAt,
      dueAt: firing.dueAt,
    });
    expect(await Promise.all([run, ...firing.runs].map(({ id }) => reopened.runs.find(id)))).toEqual([
      run,
      ...firing.runs,
    ]);
    const ticks = await reopened.ticks.list(schedule.id, makePage());
    expect(ticks.items.map(({ node }) => node)).toEqual(firing.ticks);
    expect(await reopened.runLogs.head(run.id, 'output')).toEqual({ totalLines: 2, endOffset: 12 });
    expect(await reopened.runLogs.append(run.id, 'output', makeChunk(3, ['more']))).toBe(true);
  });

  test('calls after closing reject, and closing twice does not', async (storage) => {
    await storage.close();
    await storage.close();

    await expect(storage.runs.find('x')).rejects.toThrow();
    await expect(storage.ping(500)).rejects.toThrow();
  });

  test("holds Agenda's jobs, connected, over Agenda's own disconnecting", async (storage) => {
    const { jobBackend } = storage;
    await jobBackend.connect();
    await jobBackend.repository.saveJob(
      { name: 'tick', type: 'normal', priority: 0, nextRunAt: new Date(), data: { scheduleId: 'a' } },
      undefined,
    );
    await jobBackend.disconnect();

    expect(jobBackend.ownsConnection).toBe(false);
    expect((await jobBackend.repository.queryJobs({})).total).toBe(1);
    await storage.ping(2_000);
  });

  test('nodes see what the others wrote', async (storage, { openSecond }) => {
    const second: Storage | undefined = await openSecond?.();
    if (!second) return;
    const schedule = makeSchedule();

    await storage.schedules.insert(schedule);

    expect(await second.schedules.find(schedule.id)).toEqual(schedule);
    const both = await Promise.all([
      fireOne(storage.schedules, makeFiring(schedule)),
      fireOne(second.schedules, makeFiring(schedule)),
    ]);
    expect(both.filter(Boolean)).toHaveLength(1);
    expect(await storage.ticks.count(schedule.id)).toBe(1);
    expect(await second.runs.count({ scheduleId: schedule.id })).toBe(1);
  });
}
