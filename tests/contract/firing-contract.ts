import { expect } from 'vitest';
import type { Schedule } from '../../server/domain/schedule.ts';
import type { Firing, Storage } from '../../server/storage/storage.ts';
import { makeFiring, makePage, makeSchedule, makeTick, minutesAfter, NOON } from '../support/make.ts';
import { readAll } from '../support/read-all.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

/** What becomes of due instants, and the ledger of them. */
export function describeFiring(open: OpenStorage): void {
  const test = storageTest(open);

  test('moves the schedule on and stores ticks and runs, without a new version', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const firing = makeFiring(schedule);

    expect(await storage.schedules.fire(firing)).toBe(true);

    expect(await storage.schedules.find(schedule.id)).toEqual({ ...schedule, nextRunAt: firing.nextRunAt });
    expect(await storedOf(storage, schedule)).toEqual({ ticks: firing.ticks, runs: firing.runs });
  });

  test('lets one of many that fire the same instant win, and stores its rows only', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const firings = [1, 2, 3, 4, 5].map(() => makeFiring(schedule));

    const results = await Promise.all(firings.map((firing) => storage.schedules.fire(firing)));

    expect(results.filter(Boolean)).toHaveLength(1);
    const winner = firings[results.indexOf(true)];
    expect(await storedOf(storage, schedule)).toEqual({ ticks: winner?.ticks, runs: winner?.runs });
  });

  test('does nothing when the same is fired again', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const firing = makeFiring(schedule);
    await storage.schedules.fire(firing);

    expect(await storage.schedules.fire(firing)).toBe(false);

    expect(await storedOf(storage, schedule)).toEqual({ ticks: firing.ticks, runs: firing.runs });
  });

  test('starts no second run for an instant that is in the ledger, after a clock was put back', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const first = makeFiring(schedule);
    await storage.schedules.fire(first);
    // an edit computes the next run from the clock, which was put back meanwhile
    await storage.schedules.replace({ ...schedule, version: 2 }, 1);

    expect(await storage.schedules.fire(makeFiring({ ...schedule, version: 2 }))).toBe(true);

    expect(await storedOf(storage, schedule)).toEqual({ ticks: first.ticks, runs: first.runs });
    expect((await storage.schedules.find(schedule.id))?.nextRunAt).toEqual(first.nextRunAt);
  });

  test('fires instant after instant', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    for (let minute = 0; minute < 20; minute += 5) {
      const waiting = { ...schedule, nextRunAt: minutesAfter(NOON, minute) };
      expect(await storage.schedules.fire(makeFiring(waiting))).toBe(true);
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
      schedules.fire(makeFiring(schedule, { ticks: [], runs: [] })),
  };
  for (const [what, change] of Object.entries(outdated)) {
    test(`does nothing when the schedule was ${what} meanwhile`, async (storage) => {
      const schedule = await insert(storage, makeSchedule());
      await change(storage, schedule);
      const before = await storage.schedules.find(schedule.id);

      expect(await storage.schedules.fire(makeFiring(schedule))).toBe(false);

      expect(await storage.schedules.find(schedule.id)).toEqual(before);
      expect(await storedOf(storage, schedule)).toEqual({ ticks: [], runs: [] });
    });
  }

  test('does nothing for a schedule that is disabled but waits, and for one that is not there', async (storage) => {
    const schedule = await insert(storage, makeSchedule({ enabled: false }));

    expect(await storage.schedules.fire(makeFiring(schedule))).toBe(false);
    expect(await storage.schedules.fire(makeFiring(makeSchedule()))).toBe(false);

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

      const [isFired, atTheEnd] = await Promise.all([storage.schedules.fire(firing), seen]);

      const stored = await storedOf(storage, schedule);
      expect(stored).toEqual(atTheEnd);
      expect(stored).toEqual(isFired ? { ticks: firing.ticks, runs: firing.runs } : { ticks: [], runs: [] });
    }
  });

  test('may leave nothing to wait for', async (storage) => {
    const schedule = await insert(storage, makeSchedule());

    expect(await storage.schedules.fire(makeFiring(schedule, { nextRunAt: null }))).toBe(true);

    expect((await storage.schedules.find(schedule.id))?.nextRunAt).toBeNull();
    const page = await storage.schedules.list({}, 'nextRun', makePage());
    expect(page.items.map(({ node }) => node.id)).toEqual([schedule.id]);
  });

  test('stores many missed instants at once', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const missed = Array.from({ length: 500 }, (_, i) =>
      makeTick(schedule, { scheduledFor: minutesAfter(NOON, i), outcome: 'missed' }),
    );

    expect(await storage.schedules.fire(makeFiring(schedule, { ticks: missed, runs: [] }))).toBe(true);

    expect(await storage.ticks.count(schedule.id)).toBe(500);
    expect((await storedOf(storage, schedule)).ticks).toEqual(missed.toReversed());
  });

  test('leaves a tick that is there already as it is', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    const first = makeFiring(schedule);
    await storage.schedules.fire(first);
    const again = { ...schedule, version: 2 };
    await storage.schedules.replace(again, 1);
    const later = makeTick(schedule, { scheduledFor: minutesAfter(NOON, 1) });

    const second: Firing = {
      ...makeFiring(again),
      ticks: [makeTick(schedule, { outcome: 'missed' }), later],
      runs: [],
    };
    expect(await storage.schedules.fire(second)).toBe(true);

    expect((await storedOf(storage, schedule)).ticks).toEqual([later, ...first.ticks]);
  });

  test('has nothing to complete when nothing was cut short', async (storage) => {
    const schedule = await insert(storage, makeSchedule());
    await storage.schedules.fire(makeFiring(schedule));

    expect(await storage.schedules.completeFirings()).toBe(0);
  });

  test('lists the ticks of one schedule newest first, page by page, both ways', async (storage) => {
    const [schedule, other] = [await insert(storage, makeSchedule()), await insert(storage, makeSchedule())];
    const ticks = [0, 1, 2, 3, 4, 5, 6].map((minute) =>
      makeTick(schedule, { scheduledFor: minutesAfter(NOON, minute) }),
    );
    await storage.schedules.fire(makeFiring(schedule, { ticks, runs: [] }));
    await storage.schedules.fire(makeFiring(other));
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
  return { ticks: ticks.items.map(({ node }) => node), runs: runs.items.map(({ node }) => node) };
}
