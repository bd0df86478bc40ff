import { expect } from 'vitest';
import type { KeyBinding } from '../../server/domain/runs/idempotency.ts';
import type { Run } from '../../server/domain/runs/run.ts';
import type { Schedule } from '../../server/domain/schedules/schedule.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { fireOne, makeFiring, makePage, makeRun, makeSchedule, minutesAfter, NOON } from '../support/make.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

/** Starts by hand beside each other and beside ticks, and the keys of those who ask twice. */
export function describeManualStarts(open: OpenStorage): void {
  const test = storageTest(open);

  async function insert(storage: Storage, overrides: Partial<Schedule> = {}): Promise<Schedule> {
    const schedule = makeSchedule(overrides);
    await storage.schedules.insert(schedule);
    return schedule;
  }
  const byHand = ({ id }: Schedule, overrides: Partial<Run> = {}) => ({
    ...makeRun(overrides),
    scheduleId: id,
  });
  const activeOf = async (storage: Storage, { id }: Schedule) =>
    (await storage.runs.listActive([id])).get(id)?.length ?? 0;

  test('of many starts at once one finds no other', async (storage) => {
    const schedule = await insert(storage);
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, () => storage.schedules.startByHand(byHand(schedule), false)),
    );
    expect(outcomes.filter((outcome) => outcome === 'started')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'active')).toHaveLength(11);
    expect(await activeOf(storage, schedule)).toBe(1);
  });

  test('a forced one starts beside others; an id only once; nothing of a schedule that is gone', async (storage) => {
    const schedule = await insert(storage, { enabled: false, nextRunAt: null });
    const run = byHand(schedule);
    expect(await storage.schedules.startByHand(run, false)).toBe('started');
    expect(await storage.schedules.startByHand(byHand(schedule), false)).toBe('active');
    expect(await storage.schedules.startByHand(byHand(schedule), true)).toBe('started');
    expect(await storage.schedules.startByHand(run, true)).toBe('taken');
    expect(await storage.schedules.startByHand(run, false)).toBe('taken');
    expect(await storage.runs.find(run.id)).toEqual(run);
    expect(await storage.schedules.startByHand(byHand(makeSchedule()), true)).toBe('gone');
    expect((await storage.runs.list({}, makePage())).items).toHaveLength(2);
  });

  test('a tick that was decided before a start by hand is not fired, and one after it counts its run', async (storage) => {
    const schedule = await insert(storage);
    await storage.schedules.startByHand(byHand(schedule), false);
    expect(await fireOne(storage.schedules, makeFiring(schedule, { manualStarts: 0 }))).toBe(false);

    const [due] = await storage.schedules.listDue(NOON, 10);
    expect(await activeOf(storage, schedule)).toBe(1);
    expect(
      await fireOne(
        storage.schedules,
        makeFiring(schedule, { manualStarts: due?.manualStarts ?? 0, runs: [], ticks: [] }),
      ),
    ).toBe(true);
  });

  test('of ticks and starts by hand at the same instant exactly one starts', async (storage) => {
    for (let round = 0; round < 10; round += 1) {
      const schedule = await insert(storage);
      const tick = async () => {
        for (;;) {
          const due = (await storage.schedules.listDue(NOON, 100)).find(({ id }) => id === schedule.id);
          if (!due) return 'lost';
          const active = await activeOf(storage, schedule);
          const { manualStarts = 0 } = due;
          const firing = makeFiring(due, { manualStarts, ...(active > 0 ? { ticks: [], runs: [] } : {}) });
          if (await fireOne(storage.schedules, firing)) return active > 0 ? 'skipped' : 'started';
        }
      };
      const outcomes = await Promise.all([
        tick(),
        storage.schedules.startByHand(byHand(schedule), false),
        tick(),
        storage.schedules.startByHand(byHand(schedule), false),
      ]);
      expect(outcomes.filter((outcome) => outcome === 'started')).toHaveLength(1);
      expect(await activeOf(storage, schedule)).toBe(1);
    }
  });

  test('an edit leaves the count of starts by hand', async (storage) => {
    const schedule = await insert(storage);
    await storage.schedules.startByHand(byHand(schedule), false);
    await storage.schedules.replace({ ...schedule, version: 2 }, 1);
    expect((await storage.schedules.find(schedule.id))?.manualStarts).toBe(1);
  });

  test('a run is stored once under its id', async ({ runs }) => {
    const run = makeRun();
    const stored = await Promise.all([1, 2, 3].map(() => runs.insertNew(run)));
    expect(stored.filter(Boolean)).toHaveLength(1);
    expect(await runs.find(run.id)).toEqual(run);
  });

  const binding = (overrides: Partial<KeyBinding> = {}): KeyBinding => ({
    key: 'a',
    request: 'r',
    id: makeRun().id,
    boundAt: NOON,
    isDone: false,
    ...overrides,
  });

  test('a key is bound once by many', async ({ keys }) => {
    const bound = await Promise.all(Array.from({ length: 10 }, () => keys.bind(binding(), NOON)));
    expect(new Set(bound.map(({ id }) => id)).size).toBe(1);
    expect(await keys.find('a')).toEqual(bound[0]);
    expect(await keys.find('b')).toBeNull();
  });

  test('an old key is bound anew, and noted as done only for its own thing', async ({ keys }) => {
    const old = await keys.bind(binding(), NOON);
    const fresh = binding({ boundAt: minutesAfter(NOON, 5), request: 's' });
    expect(await keys.bind(fresh, minutesAfter(NOON, 1))).toEqual(fresh);
    await keys.markDone('a', old.id);
    expect(await keys.find('a')).toEqual(fresh);
    await keys.markDone('a', fresh.id);
    expect(await keys.find('a')).toEqual({ ...fresh, isDone: true });
  });

  test('old keys are forgotten in steps, the oldest first', async ({ keys }) => {
    for (let n = 0; n < 5; n += 1)
      await keys.bind(binding({ key: `k${n}`, boundAt: minutesAfter(NOON, n) }), NOON);
    expect(await keys.forget(minutesAfter(NOON, 4), 3)).toBe(3);
    expect(await keys.forget(minutesAfter(NOON, 4), 3)).toBe(1);
    expect(await keys.forget(minutesAfter(NOON, 4), 3)).toBe(0);
    expect(await keys.find('k3')).toBeNull();
    expect(await keys.find('k4')).not.toBeNull();
  });
}
