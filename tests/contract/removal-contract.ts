import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { LOG_STREAMS } from '../../server/domain/logs/run-log.ts';
import type { Run, RunStatus } from '../../server/domain/runs/run.ts';
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
  minutesAfter,
  NOON,
} from '../support/make.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';
import { recordFacts } from './outbox-contract.ts';

const ENDED: readonly RunStatus[] = ['succeeded', 'failed', 'canceled', 'timedOut', 'lost'];

/** What is old is forgotten, step by step; what is under way stays. */
export function describeRemoval(open: OpenStorage): void {
  const test = storageTest(open);

  test('removes runs of every end with their logs, and nothing that ended later or is under way', async (storage) => {
    const old = ENDED.map((status) => endedRun(0, { status }));
    const kept = [
      endedRun(0, { finishedAt: minutesAfter(NOON, 10) }),
      endedRun(10),
      makeRun({ queuedAt: NOON }),
      makeRun({ queuedAt: NOON, status: 'running', workerId: 'one', startedAt: NOON, leaseUntil: NOON }),
    ];
    for (const run of [...old, ...kept]) await insertWithLog(storage, run, 3);

    const removed = await removeAll(storage, minutesAfter(NOON, 10), 4);

    // a run and three pieces of its log each
    expect(removed).toBe(4 * old.length);
    expect(await storage.runs.findMany(old.map(({ id }) => id))).toEqual(old.map(() => null));
    for (const run of old) expect((await storage.runLogs.head(run.id, 'output')).totalLines).toBe(0);
    for (const run of kept) {
      expect(await storage.runs.find(run.id)).toEqual(run);
      expect((await storage.runLogs.head(run.id, 'output')).totalLines).toBe(3);
    }
    expect(await storage.runs.count({})).toBe(kept.length);
  });

  test('removes the events of a run with its output, however many pieces a step may take', async (storage) => {
    for (const step of [1, 2, 3, 4, 5, 100]) {
      const run = endedRun(0);
      await insertWithLog(storage, run, 2);
      for (const line of [1, 2, 3]) await storage.runLogs.append(run.id, 'events', makeChunk(line, ['{}']));

      expect(await removeAll(storage, minutesAfter(NOON, 10), step)).toBe(6);

      for (const stream of LOG_STREAMS)
        expect(await storage.runLogs.head(run.id, stream)).toEqual({ totalLines: 0, endOffset: 0 });
    }
  });

  test('removes the oldest first, and no more in a step than asked for', async (storage) => {
    const runs = [3, 1, 0, 2].map((minute) => endedRun(minute));
    for (const run of runs) await insertWithLog(storage, run, 5);
    let left = await rowsOf(storage, runs);
    expect(left).toBe(4 * 6);
    const gone: string[] = [];
    for (let step = 0; left > 0; step += 1) {
      const removed = await removeOld(storage, minutesAfter(NOON, 60), 2);
      const now = await rowsOf(storage, runs);
      expect([removed, step < 50]).toEqual([left - now, true]);
      expect(removed).toBeGreaterThan(0);
      expect(removed).toBeLessThanOrEqual(2);
      left = now;
      // a run that is found has its whole log
      for (const { id } of runs) {
        if (await storage.runs.find(id))
          expect((await storage.runLogs.head(id, 'output')).totalLines).toBe(5);
        else if (!gone.includes(id)) gone.push(id);
      }
    }
    const byAge = [...runs].sort((one, other) => one.queuedAt.getTime() - other.queuedAt.getTime());
    const inPairs = (ids: readonly string[]) => [ids.slice(0, 2).sort(), ids.slice(2).sort()];
    expect(inPairs(gone)).toEqual(inPairs(byAge.map(({ id }) => id)));
    expect(await removeOld(storage, minutesAfter(NOON, 60), 2)).toBe(0);
  });

  test('goes on where a node was stopped, on another one', async (storage, { reopen }) => {
    const runs = [0, 1, 2].map((minute) => endedRun(minute));
    for (const run of runs) await insertWithLog(storage, run, 4);
    await removeOld(storage, minutesAfter(NOON, 60), 2);

    const reopened = await reopen();

    await removeAll(reopened, minutesAfter(NOON, 60), 3);
    expect(await rowsOf(reopened, runs)).toBe(0);
  });

  test('several nodes remove at once what one would', async (storage, { openSecond }) => {
    const second = (await openSecond?.()) ?? storage;
    const runs = Array.from({ length: 12 }, (_, minute) => endedRun(minute));
    for (const run of runs) await insertWithLog(storage, run, 2);
    const kept = endedRun(30);
    await insertWithLog(storage, kept, 2);

    await Promise.all(
      [storage, second, storage, second].map((one) => removeAll(one, minutesAfter(NOON, 30), 5)),
    );

    expect(await rowsOf(storage, runs)).toBe(0);
    expect(await rowsOf(storage, [kept])).toBe(3);
  });

  test('a lost run whose worker comes back first is kept with its log', async (storage) => {
    const lost = endedRun(0, { status: 'lost', workerId: 'one', startedAt: NOON });
    await insertWithLog(storage, lost, 3);
    expect(await storage.runs.revive('one', [lost.id], minutesAfter(NOON, 999))).toHaveLength(1);

    expect(await removeOld(storage, minutesAfter(NOON, 60), 10)).toBe(0);

    expect(await rowsOf(storage, [lost])).toBe(4);
    expect((await storage.runs.find(lost.id))?.status).toBe('running');
  });

  test('removes ticks by their instant, the oldest first, but none whose run is under way', async (storage) => {
    const schedule = makeSchedule();
    await storage.schedules.insert(schedule);
    const at = (minute: number) => minutesAfter(NOON, minute);
    const runs = [0, 1].map((minute) => makeRun({ scheduleId: schedule.id, scheduledFor: at(minute) })) as [
      Run,
      Run,
    ];
    const started = runs.map(({ id }, minute) =>
      makeTick(schedule, { scheduledFor: at(minute), outcome: 'started', reason: null, runId: id }),
    );
    const skipped = [2, 3, 4, 5].map((minute) => makeTick(schedule, { scheduledFor: at(minute) }));
    await fireOne(storage.schedules, makeFiring(schedule, { ticks: [...started, ...skipped], runs }));
    await storage.runs.finish(runs[0].id, null, makeEnd({ status: 'canceled' }));
    const minutesLeft = async () =>
      (await storage.ticks.list(schedule.id, makePage())).items.map(
        ({ node }) => (node.scheduledFor.getTime() - NOON.getTime()) / 60_000,
      );

    expect(await storage.removal.ticks(at(5), 2)).toBe(2);
    expect(await minutesLeft()).toEqual([5, 4, 3, 1]);
    expect(await storage.removal.ticks(at(5), 2)).toBe(2);
    expect(await storage.removal.ticks(at(5), 2)).toBe(0);
    expect(await minutesLeft()).toEqual([5, 1]);
    // the runs are another matter
    expect(await storage.runs.count({ scheduleId: schedule.id })).toBe(2);
    await storage.runs.finish(runs[1].id, null, makeEnd({ status: 'canceled' }));
    expect(await storage.removal.ticks(at(5), 2)).toBe(1);
  });

  test('a run is kept that is under way, or has ended otherwise since', async (storage) => {
    const running = makeRun({ status: 'running', workerId: 'one', startedAt: NOON, leaseUntil: NOON });
    const ended = endedRun(5);
    for (const run of [running, ended]) await insertWithLog(storage, run, 1);
    const decided = [running, ended].map(({ id }) => ({ id, finishedAt: NOON }));
    expect(await storage.removal.runs(decided)).toBe(0);
    expect(await rowsOf(storage, [running, ended])).toBe(4);
  });

  test('removes what is still stored of a lost run that was removed, once its worker tells of its end', async (storage) => {
    const lost = endedRun(0, { status: 'lost', workerId: 'one', startedAt: NOON });
    await insertWithLog(storage, lost, 2);
    expect(await removeAll(storage, minutesAfter(NOON, 10), 10)).toBe(3);
    await storage.runLogs.append(lost.id, 'output', makeChunk(1, ['late']));
    await storage.runLogs.append(lost.id, 'events', makeChunk(1, ['{}']));

    await storage.runs.finishOwn('one', [{ id: lost.id, end: makeEnd() }]);

    expect(await removeAll(storage, minutesAfter(NOON, 10), 10)).toBe(2);
    expect(await rowsOf(storage, [lost])).toBe(0);
  });

  test('says how much is stored, and gives back what is free', async ({ kind, runs, runLogs, removal }) => {
    const before = await removal.size();
    const run = endedRun(0);
    await runs.insert(run);
    for (let line = 1; line <= 200; line += 1)
      await runLogs.append(run.id, 'output', makeChunk(line, [randomBytes(150_000).toString('base64')]));
    const full = await removal.size();
    await removal.runs([{ id: run.id, finishedAt: run.finishedAt ?? NOON }]);
    while ((await removal.logs(10)) > 0);
    let reclaimed = 0;
    for (let step = await removal.reclaim(1_000_000); step > 0; step = await removal.reclaim(1_000_000)) {
      expect(step).toBeLessThanOrEqual(1_100_000);
      reclaimed += step;
    }
    // MongoDB reuses what is free; a server that keeps its documents elsewhere does not tell how much that is
    if (kind === 'sqlite') expect(reclaimed).toBeGreaterThan(5_000_000);
    else expect(reclaimed).toBe(0);
    if (kind === 'mongodb' && full === null) return;
    expect(full).not.toBeNull();
    expect((full ?? 0) - (before ?? 0)).toBeGreaterThan(25_000_000);
    expect(((await removal.size()) ?? 0) - (before ?? 0)).toBeLessThan(1_000_000);
  });

  test('finds nothing in an empty storage', async ({ removal }) => {
    expect([await removal.runs([]), await removal.logs(10), await removal.ticks(NOON, 10)]).toEqual([
      0, 0, 0,
    ]);
    expect(await removal.reclaim(1_000_000)).toBe(0);
  });
}

function endedRun(minute: number, overrides: Partial<Run> = {}): Run {
  const queuedAt = minutesAfter(NOON, minute);
  return makeRun({ queuedAt, ...makeEnd({ finishedAt: queuedAt }), ...overrides });
}

/** Each line is a piece of its own. */
async function insertWithLog({ runs, runLogs, outbox }: Storage, run: Run, lines: number): Promise<void> {
  await runs.insert(run);
  for (let line = 1; line <= lines; line += 1)
    await runLogs.append(run.id, 'output', makeChunk(line, [`line ${line}`]));
  await recordFacts({ outbox });
}

async function rowsOf({ runs, runLogs }: Storage, wanted: readonly Run[]): Promise<number> {
  let rows = 0;
  for (const { id } of wanted) {
    if (await runs.find(id)) rows += 1;
    let after = 0;
    for (;;) {
      const { lineCount, firstLine } = await runLogs.read(id, 'output', after, {
        maxLines: 1,
        maxBytes: 100,
      });
      if (lineCount > 0) rows += 1;
      after = Math.max(after + 1, firstLine + lineCount - 1);
      if (after >= 10) break;
    }
  }
  return rows;
}

/** @returns how many rows were removed */
export async function removeAll(storage: Storage, before: Date, limit: number): Promise<number> {
  let all = 0;
  for (;;) {
    const removed = await removeOld(storage, before, limit);
    if (removed === 0) return all;
    all += removed;
  }
}

/** One step: what removed runs have left, and then runs that ended before, the oldest first. */
export async function removeOld({ runs, removal }: Storage, before: Date, limit: number): Promise<number> {
  const pieces = await removal.logs(limit);
  const { items } = await runs.list({ status: [...ENDED] }, makePage({ limit: 500 }));
  const old = items.flatMap(({ node: { id, finishedAt } }) =>
    finishedAt && finishedAt < before ? [{ id, finishedAt }] : [],
  );
  return pieces + (await removal.runs(old.reverse().slice(0, limit - pieces)));
}
