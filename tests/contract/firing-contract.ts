import { expect } from 'vitest';
import type { Schedule } from '../../server/domain/schedules/schedule.ts';
import type { Firing, Storage } from '../../server/storage/storage.ts';
import {
  ALLOW,
  fireOne,
  makeFiring,
  makePage,
  makeSchedule,
  makeTick,
  minutesAfter,
  NOON,
} from '../support/make.ts';
import { readAll } from '../support/read-all.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

/** What becomes of due instants, and the ledger of them. */
export function describeFiring(open: OpenStorage): void {
  const test = storageTest(open);

  test('moves the schedule on and stores ticks and runs, without a new version', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const firing = makeFiring(schedule);

    expect(await fireOne(storage.schedules, firing)).toBe(true);

    expect(await storage.schedules.find(schedule.id)).toEqual({
      ...schedule,
      nextRunAt: firing.nextRunAt,
      dueAt: firing.dueAt,
    });
    expect(await storedOf(storage, schedule)).toEqual({ ticks: firing.ticks, runs: firing.runs });
  });

  test('wakes up when an instant is due, and knows it by its nominal instant', async ({
    schedules,
    ticks,
  }) => {
    const dueAt = minutesAfter(NOON, 3);
    const schedule = makeSchedule({ dueAt });
    await schedules.insert(schedule);
    expect(await schedules.find(schedule.id)).toEqual(schedule);

    expect(await schedules.listDue(NOON, 10)).toEqual([]);
    expect(await schedules.listDue(dueAt, 10)).toEqual([schedule]);
    expect(await schedules.listInstants(minutesAfter(NOON, 9))).toEqual([dueAt]);
    expect([await schedules.isAwaited(NOON), await schedules.isAwaited(dueAt)]).toEqual([false, true]);

    const firing = makeFiring(schedule, { dueAt: minutesAfter(NOON, 60) });
    expect(await fireOne(schedules, { ...firing, expectedNextRunAt: dueAt })).toBe(false);
    expect(await fireOne(schedules, firing)).toBe(true);
    expect((await ticks.list(schedule.id, makePage())).items[0]?.node.scheduledFor).toEqual(NOON);
    expect(await schedules.listInstants(minutesAfter(NOON, 99))).toEqual([minutesAfter(NOON, 60)]);
    expect(await schedules.setProblem(schedule.id, 1, 'It is broken.')).toBe(true);
    expect(await schedules.find(schedule.id)).toMatchObject({ nextRunAt: null, dueAt: null });
  });

  test('lets one of many that fire the same instant win, and stores its rows only', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const firings = [1, 2, 3, 4, 5].map(() => makeFiring(schedule));

    const results = await Promise.all(firings.map((firing) => fireOne(storage.schedules, firing)));

    expect(results.filter(Boolean)).toHaveLength(1);
    const winner = firings[results.indexOf(true)];
    expect(await storedOf(storage, schedule)).toEqual({ ticks: winner?.ticks, runs: winner?.runs });
  });

  test('a tick is told why its run was refused later, once, and no other tick is', async (storage) => {
    const [schedule, other] = [await insert(storage, makeSchedule()), await insert(storage, makeSchedule())];
    const [firing, others] = [makeFiring(schedule), makeFiring(other)];
    for (const one of [firing, others]) await fireOne(storage.schedules, one);
    for (const reason of ['It was not started.', 'another'])
      await storage.ticks.explain(schedule.id, firing.expectedNextRunAt, reason);
    await storage.ticks.explain(schedule.id, minutesAfter(NOON, 999), 'of none');
    const told = firing.ticks.map((tick) =>
      tick.scheduledFor.getTime() === firing.expectedNextRunAt.getTime() && tick.reason === null
        ? { ...tick, reason: 'It was not started.' }
        : tick,
    );
    expect(told).not.toEqual(firing.ticks);
    expect((await storedOf(storage, schedule)).ticks).toEqual(told);
    expect((await storedOf(storage, other)).ticks).toEqual(others.ticks);
  });

  test('does nothing when the same is fired again', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const firing = makeFiring(schedule);
    await fireOne(storage.schedules, firing);

    await fireOne(storage.schedules, firing);

    expect(await storedOf(storage, schedule)).toEqual({ ticks: firing.ticks, runs: firing.runs });
  });

  test('starts no second run for an instant that is in the ledger, after a clock was put back', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const first = makeFiring(schedule);
    await fireOne(storage.schedules, first);
    // an edit computes the next run from the clock, which was put back meanwhile
    await storage.schedules.replace({ ...schedule, version: 2 }, 1);

    expect(await fireOne(storage.schedules, makeFiring({ ...schedule, version: 2 }))).toBe(true);

    expect(await storedOf(storage, schedule)).toEqual({ ticks: first.ticks, runs: first.runs });
    expect((await storage.schedules.find(schedule.id))?.nextRunAt).toEqual(first.nextRunAt);
  });

  test('fires instant after instant', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    for (let minute = 0; minute < 20; minute += 5) {
      const waiting = { ...schedule, nextRunAt: minutesAfter(NOON, minute) };
      expect(await fireOne(storage.schedules, makeFiring(waiting))).toBe(true);
    }

    expect(await storage.ticks.count(schedule.id)).toBe(4);
    expect((await storage.schedules.find(schedule.id))?.nextRunAt).toEqual(minutesAfter(NOON, 20));
  });

  const outdated: Record<string, (storage: Storage, schedule: Schedule) => Promise<unknown>> = {
    edited: ({ schedules }, schedule) => schedules.replace({ ...schedule, version: 2 }, 1),
    disabled: ({ schedules }, schedule) =>
      schedules.replace({ ...schedule, enabled: false, version: 2, nextRunAt: null }, 1),
    deleted: ({ schedules }, schedule) => schedules.delete(schedule.id),
    'marked as faulty': ({ schedules }, schedule) => schedules.setProblem(schedule.id, 1, 'Faulty.'),
    'fired already': ({ schedules }, schedule) =>
      fireOne(schedules, makeFiring(schedule, { ticks: [], runs: [] })),
  };
  for (const [what, change] of Object.entries(outdated)) {
    test(`does nothing when the schedule was ${what} meanwhile`, async (storage) => {
      const schedule = await insert(storage, makeSchedule());
      await change(storage, schedule);
      const before = await storage.schedules.find(schedule.id);

      expect(await fireOne(storage.schedules, makeFiring(schedule))).toBe(false);

      expect(await storage.schedules.find(schedule.id)).toEqual(before);
      expect(await storedOf(storage, schedule)).toEqual({ ticks: [], runs: [] });
    });
  }

  test('does nothing for a schedule that is disabled but waits, and for one that is not there', async (storage) => {
    const schedule = await insert(storage, makeSchedule({ enabled: false }));

    expect(await fireOne(storage.schedules, makeFiring(schedule))).toBe(false);
    expect(await fireOne(storage.schedules, makeFiring(makeSchedule()))).toBe(false);

    expect(await storedOf(storage, schedule)).toEqual({ ticks: [], runs: [] });
  });

  test('records nothing decided on the old version once an edit or a removal has resolved', async (storage) => {
    for (let round = 0; round < 20; round += 1) {
      const schedule = await insert(storage, makeSchedule());
      const ending =
        round % 2 === 0
          ? storage.schedules.replace({ ...schedule, version: 2 }, 1)
          : storage.schedules.delete(schedule.id);
      const seen = ending.then(() => storedOf(storage, schedule));
      const firing = makeFiring(schedule);

      const [isFired, atTheEnd] = await Promise.all([fireOne(storage.schedules, firing), seen]);

      const stored = await storedOf(storage, schedule);
      expect(stored).toEqual(atTheEnd);
      expect(stored).toEqual(isFired ? { ticks: firing.ticks, runs: firing.runs } : { ticks: [], runs: [] });
    }
  });

  test('fires many at once, and tells of each which of its runs were stored', async (storage) => {
    const waiting = await Promise.all(
      Array.from({ length: 60 }, () => insert(storage, makeSchedule({ policy: ALLOW }))),
    );
    const [edited, removed, inLedger] = waiting as [Schedule, Schedule, Schedule];
    await storage.schedules.replace({ ...edited, version: 2 }, 1);
    await storage.schedules.delete(removed.id);
    // its instant is in the ledger already: a clock was put back
    const first = makeFiring(inLedger);
    await fireOne(storage.schedules, first);
    await storage.schedules.replace({ ...inLedger, version: 2 }, 1);
    const firings = waiting.map((schedule) =>
      makeFiring(schedule === inLedger ? { ...schedule, version: 2 } : schedule),
    );

    const stored = await storage.schedules.fire(firings);

    const expected = firings.map(({ scheduleId, runs }) =>
      scheduleId === edited.id || scheduleId === removed.id
        ? null
        : new Set(scheduleId === inLedger.id ? [] : runs.map(({ id }) => id)),
    );
    // where nothing is new, to say that nothing was fired is as good: who asks looks again
    expect(stored.map((ids) => (ids?.size === 0 ? null : ids))).toEqual(
      expected.map((ids) => (ids?.size === 0 ? null : ids)),
    );
    for (const [i, schedule] of waiting.entries()) {
      const runs = schedule === inLedger ? first.runs : stored[i] ? firings[i]?.runs : [];
      expect((await storedOf(storage, schedule)).runs).toEqual(runs);
    }
    expect(await storage.schedules.fire([])).toEqual([]);
  });

  test('lists what is due, soonest first, and the instants that are waited for', async (storage) => {
    const at = (minute: number) => minutesAfter(NOON, minute);
    const [later, sooner, same] = [
      await insert(storage, makeSchedule({ nextRunAt: at(2) })),
      await insert(storage, makeSchedule({ nextRunAt: at(1) })),
      await insert(storage, makeSchedule({ nextRunAt: at(2) })),
    ];
    await insert(storage, makeSchedule({ nextRunAt: at(3) }));
    await insert(storage, makeSchedule({ nextRunAt: at(1), enabled: false }));
    await insert(storage, makeSchedule({ nextRunAt: null }));

    const due = await storage.schedules.listDue(at(2), 10);

    expect(due[0]).toEqual(sooner);
    expect(new Set(due.slice(1))).toEqual(new Set([later, same]));
    expect(await storage.schedules.listDue(at(2), 1)).toEqual([sooner]);
    expect(await storage.schedules.listDue(at(0), 10)).toEqual([]);
    const instants = await storage.schedules.listInstants(at(2));
    expect(instants.sort((a, b) => a.getTime() - b.getTime())).toEqual([at(1), at(2)]);
    expect(await storage.schedules.isAwaited(at(2))).toBe(true);
    expect(await storage.schedules.isAwaited(at(4))).toBe(false);
  });

  test('may leave nothing to wait for', async (storage) => {
    const schedule = await insert(storage, makeSchedule());

    expect(await fireOne(storage.schedules, makeFiring(schedule, { nextRunAt: null }))).toBe(true);

    expect((await storage.schedules.find(schedule.id))?.nextRunAt).toBeNull();
    const page = await storage.schedules.list({}, 'nextRun', makePage());
    expect(page.items.map(({ node }) => node.id)).toEqual([schedule.id]);
  });

  test('stores many missed instants at once', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const missed = Array.from({ length: 500 }, (_, i) =>
      makeTick(schedule, { scheduledFor: minutesAfter(NOON, i), outcome: 'missed' }),
    );

    expect(await fireOne(storage.schedules, makeFiring(schedule, { ticks: missed, runs: [] }))).toBe(true);

    expect(await storage.ticks.count(schedule.id)).toBe(500);
    expect((await storedOf(storage, schedule)).ticks).toEqual(missed.toReversed());
  });

  test('leaves a tick that is there already as it is', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const first = makeFiring(schedule);
    await fireOne(storage.schedules, first);
    const again = { ...schedule, version: 2 };
    await storage.schedules.replace(again, 1);
    const later = makeTick(schedule, { scheduledFor: minutesAfter(NOON, 1) });

    const second: Firing = {
      ...makeFiring(again),
      ticks: [makeTick(schedule, { outcome: 'missed' }), later],
      runs: [],
    };
    expect(await fireOne(storage.schedules, second)).toBe(true);

    expect((await storedOf(storage, schedule)).ticks).toEqual([later, ...first.ticks]);
  });

  test('has nothing to complete when nothing was cut short', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    await fireOne(storage.schedules, makeFiring(schedule));

    expect(await storage.schedules.completeFirings()).toBe(0);
  });

  test('lists the ticks of one schedule newest first, page by page, both ways', async (storage) => {
    const [schedule, other] = [await insert(storage, makeSchedule()), await insert(storage, makeSchedule())];
    const ticks = [0, 1, 2, 3, 4, 5, 6].map((minute) =>
      makeTick(schedule, { scheduledFor: minutesAfter(NOON, minute) }),
    );
    await fireOne(storage.schedules, makeFiring(schedule, { ticks, runs: [] }));
    await fireOne(storage.schedules, makeFiring(other));
    const newestFirst = ticks.toReversed();

    for (const limit of [1, 2, 3, 7, 8]) {
      for (const backward of [false, true]) {
        const read = await readAll((page) => storage.ticks.list(schedule.id, page), limit, backward);
        expect(read, `pages of ${limit}, backward: ${backward}`).toEqual(newestFirst);
      }
    }
    expect(await storage.ticks.count('none')).toBe(0);
    expect(await storage.ticks.list('none', makePage())).toEqual({ items: [], hasMore: false });
  });
}

async function insert(storage: Storage, schedule: Schedule): Promise<Schedule> {
  await storage.schedules.insert(schedule);
  return schedule;
}

async function storedOf(storage: Storage, { id }: Schedule) {
  const [ticks, runs] = await Promise.all([
    storage.ticks.list(id, makePage({ limit: 1_000 })),
    storage.runs.list({ scheduleId: id }, makePage({ limit: 1_000 })),
  ]);
  return {
    ticks: ticks.items.map(({ node }) => node),
    runs: await Promise.all(runs.items.map(({ node }) => storage.runs.find(node.id))),
  };
}
