import { expect, onTestFinished } from 'vitest';
import type { Run, RunStatus } from '../../server/domain/runs/run.ts';
import { DEFAULT_POLICY } from '../../server/domain/schedules/policy.ts';
import { createRetention, type RetentionLimits } from '../../server/services/retention.ts';
import type { Storage } from '../../server/storage/storage.ts';
import {
  fireOne,
  makeChunk,
  makeEnd,
  makeFiring,
  makePage,
  makeRun,
  makeSchedule,
  makeTick,
  NOON,
} from '../support/make.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';
import { recordFacts } from './outbox-contract.ts';

const DAY_MS = 86_400_000;
const NONE: RetentionLimits = { days: null, runs: null, bytes: null };
const daysBefore = (days: number) => new Date(NOON.getTime() - days * DAY_MS);

/** What goes and what stays by the rules of retention, on a real storage. */
export function describeRetention(open: OpenStorage): void {
  const test = storageTest(open);

  test('removes what is older than it is kept, but no last success and nothing that is under way', async (storage) => {
    const [kept, deleted] = [makeSchedule(), makeSchedule()];
    await storage.schedules.insert(kept);
    const old = [
      await insertEnded(storage, 100, { scheduleId: kept.id }),
      await insertEnded(storage, 98, { scheduleId: kept.id, status: 'failed' }),
      await insertEnded(storage, 97, { scheduleId: deleted.id }),
      await insertEnded(storage, 96, { status: 'lost' }),
      await insertEnded(storage, 91),
    ];
    const staying = [
      await insertEnded(storage, 99, { scheduleId: kept.id }),
      await insertEnded(storage, 89),
      await insertEnded(storage, 0),
    ];
    const running = makeRun({
      queuedAt: daysBefore(200),
      status: 'running',
      workerId: 'one',
      leaseUntil: NOON,
    });
    await storage.runs.insert(running);

    await removeBy(storage, { ...NONE, days: 90 });

    expect(await presentOf(storage, old)).toEqual([]);
    expect(await presentOf(storage, [...staying, running])).toHaveLength(4);
    for (const run of staying) expect((await storage.runLogs.head(run.id, 'output')).totalLines).toBe(1);
    for (const run of old)
      for (const stream of ['output', 'events'] as const)
        expect((await storage.runLogs.head(run.id, stream)).totalLines).toBe(0);
  });

  test('keeps as many runs as it is told, the newest', async (storage) => {
    const runs: Run[] = [];
    for (let day = 130; day > 0; day -= 1) runs.push(await insertEnded(storage, day));
    await removeBy(storage, { ...NONE, runs: 7 });
    expect(await presentOf(storage, runs)).toEqual(runs.slice(-7).map(({ id }) => id));
  });

  test('does not count the runs of a schedule that has a say of its own', async (storage) => {
    const own = makeSchedule({ policy: { ...DEFAULT_POLICY, keepRuns: 100 } });
    await storage.schedules.insert(own);
    const runs: Run[] = [];
    for (let day = 25; day > 20; day -= 1) runs.push(await insertEnded(storage, day));
    for (let day = 10; day > 0; day -= 1) runs.push(await insertEnded(storage, day, { scheduleId: own.id }));
    await removeBy(storage, { ...NONE, runs: 4 });
    expect(await presentOf(storage, runs)).toEqual(runs.slice(1).map(({ id }) => id));
  });

  test('gives up removing runs when that makes nothing less', async (storage) => {
    const runs: Run[] = [];
    for (let day = 29; day > 0; day -= 1) runs.push(await insertEnded(storage, day));
    const stored = { ...storage, removal: { ...storage.removal, size: async () => 1_000_000 } };
    await removeBy(stored, { ...NONE, bytes: 10 }, 5);
    // as many as are removed between two measurements
    expect(await presentOf(storage, runs)).toEqual(runs.slice(10).map(({ id }) => id));
  });

  test('keeps a run that has just ended, however many there are', async (storage) => {
    const runs = [await insertEnded(storage, 1), await insertEnded(storage, 0)];
    await removeBy(storage, { ...NONE, runs: 1 });
    await insertEnded(storage, 0);
    await removeBy(storage, { ...NONE, runs: 1 });
    expect(await presentOf(storage, runs)).toEqual([runs[1]?.id]);
  });

  test('a schedule has its own say in what is kept of it', async (storage) => {
    const short = makeSchedule({ policy: { ...DEFAULT_POLICY, keepDays: 7 } });
    const long = makeSchedule({ policy: { ...DEFAULT_POLICY, keepDays: 1_000 } });
    const few = makeSchedule({ policy: { ...DEFAULT_POLICY, keepRuns: 2 } });
    for (const schedule of [short, long, few]) await storage.schedules.insert(schedule);
    const of = async (days: number, { id }: { id: string }) =>
      insertEnded(storage, days, { scheduleId: id, status: 'failed' });
    const old = [await of(8, short), await of(5, few), await of(95, few), await of(90.5, few)];
    const staying = [await of(6, short), await of(999, long), await of(3, few), await of(2, few)];

    await removeBy(storage, { ...NONE, days: 90 });

    expect(await presentOf(storage, old)).toEqual([]);
    expect(await presentOf(storage, staying)).toHaveLength(4);
  });

  test('removes the oldest runs until what is stored fits, where the database tells', async (storage) => {
    if ((await storage.removal.size()) === null) {
      const run = await insertEnded(storage, 1);
      await removeBy(storage, { ...NONE, bytes: 1 });
      return expect(await presentOf(storage, [run])).toHaveLength(1);
    }
    const runs: Run[] = [];
    for (let day = 40; day > 0; day -= 1) runs.push(await insertEnded(storage, day, {}, 100_000));
    const before = (await storage.removal.size()) ?? 0;
    await removeBy(storage, { ...NONE, bytes: before - 1_000_000 });
    expect(await storage.removal.size()).toBeLessThanOrEqual(before - 1_000_000);
    const present = await presentOf(storage, runs);
    expect(present).toEqual(runs.slice(-present.length).map(({ id }) => id));
    expect(present.length).toBeGreaterThanOrEqual(15);
    expect(present.length).toBeLessThan(40);
  });

  test('removes ticks that are older', async (storage) => {
    const schedule = makeSchedule({ nextRunAt: daysBefore(100) });
    await storage.schedules.insert(schedule);
    const ticks = [100, 95, 89].map((days) => makeTick(schedule, { scheduledFor: daysBefore(days) }));
    await fireOne(storage.schedules, makeFiring(schedule, { ticks, runs: [] }));
    await removeBy(storage, { ...NONE, days: 90 });
    const { items } = await storage.ticks.list(schedule.id, makePage());
    expect(items.map(({ node }) => node.scheduledFor)).toEqual([daysBefore(89)]);
  });
}

/** One pass, as if it were {@link NOON}. */
async function removeBy(storage: Storage, limits: RetentionLimits, maxInVain?: number): Promise<void> {
  const errors: unknown[] = [];
  let isOver = false;
  const retention = createRetention({
    storage: {
      ...storage,
      removal: {
        ...storage.removal,
        // the last step of a pass
        reclaim: async (limit) => {
          const bytes = await storage.removal.reclaim(limit);
          isOver = bytes === 0;
          return bytes;
        },
      },
    },
    limits,
    maxInVain,
    timings: { everyMs: 1_000_000, settledMs: 600_000 },
    now: () => NOON,
    onError: (error) => errors.push(error),
    onInfo: () => undefined,
  });
  onTestFinished(() => retention.close());
  retention.begin();
  await waitUntil(() => isOver || errors.length > 0);
  expect(errors).toEqual([]);
}

async function insertEnded(
  { runs, runLogs, outbox }: Storage,
  days: number,
  {
    status = 'succeeded',
    ...more
  }: Partial<Omit<Run, 'status'>> & { status?: Exclude<RunStatus, 'queued' | 'running'> } = {},
  bytes = 10,
): Promise<Run> {
  const at = daysBefore(days);
  const run = makeRun({ queuedAt: at, ...makeEnd({ finishedAt: at, status }), ...more });
  await runs.insert(run);
  const text = Buffer.from(Array.from({ length: bytes }, () => 33 + Math.random() * 90)).toString('latin1');
  await runLogs.append(run.id, 'output', makeChunk(1, [text]));
  await runLogs.append(run.id, 'events', makeChunk(1, ['{}']));
  await recordFacts({ outbox });
  return run;
}

async function presentOf({ runs }: Storage, wanted: readonly Run[]): Promise<string[]> {
  return (await runs.findMany(wanted.map(({ id }) => id))).flatMap((run) => (run ? [run.id] : []));
}
