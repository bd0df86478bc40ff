import { setTimeout as delay } from 'node:timers/promises';
import type { Page, PageRequest } from '../domain/page.ts';
import { isFinished, type RunFilter, type RunSummary } from '../domain/runs/run.ts';
import type { ScheduleSummary } from '../domain/schedules/schedule.ts';
import type { EndedRun, Storage } from '../storage/storage.ts';
import type { RetentionTimings } from '../timings.ts';

/** Removes old runs with their logs, and old ticks, a little at a time. */
export interface Retention {
  /** Begins to look for what is to be removed, unless it did so lately. Returns at once. */
  begin(): void;
  /** How much is stored, in bytes; null: the database does not tell. */
  size(): Promise<number | null>;
  /** What this process has removed. */
  readonly removed: Readonly<Removed>;
  /** Resolves when nothing is removed any more. */
  close(): Promise<void>;
}

interface Removed {
  runs: number;
  ticks: number;
  /** Given back to the disk, in bytes. */
  bytes: number;
}

/** What is kept; null: no limit. A schedule's policy may say something else about its runs. */
export interface RetentionLimits {
  /** Runs and ticks go when they are older. */
  readonly days: number | null;
  /** The oldest runs go when there are more. */
  readonly runs: number | null;
  /** The oldest runs go when more is stored. */
  readonly bytes: number | null;
}

export interface RetentionOptions {
  readonly storage: Pick<Storage, 'runs' | 'schedules' | 'removal'>;
  readonly limits: RetentionLimits;
  readonly timings: RetentionTimings;
  /** After so many runs that were removed without making what is stored less, no more go by size. */
  readonly maxInVain?: number | undefined;
  now(): Date;
  onError(error: unknown, during: string): void;
  onInfo(message: string, details: object): void;
}

const DAY_MS = 86_400_000;
const PAGE_RUNS = 50;
/** Between measurements of what is stored. */
const RUNS_PER_LOOK = 10;
const PAGE_SCHEDULES = 100;
/** A step must not delay what is due; steps get larger and smaller so that each takes about this long. */
const STEP_MS = 4;
const FIRST_STEP_ROWS = 10;
const MAX_STEP_ROWS: Readonly<Record<StepKind, number>> = {
  // a chunk of a log may have half a megabyte
  logs: 50,
  runs: 500,
  ticks: 500,
};
/** Then it is something else that takes the room. */
const MAX_IN_VAIN = 1_000;
const RECLAIM_BYTES = 1_048_576;

type StepKind = 'logs' | 'runs' | 'ticks';
type Kept = Pick<RetentionLimits, 'days' | 'runs'>;

const NONE: ReadonlySet<string> = new Set();

export function createRetention(options: RetentionOptions): Retention {
  const { storage, limits, timings } = options;
  const { runs, schedules, removal } = storage;
  const closing = new AbortController();
  const removed: Removed = { runs: 0, ticks: 0, bytes: 0 };
  let last: number | null = null;
  let pass: Promise<void> | null = null;
  let hasWarned = false;
  let hasWarnedInVain = false;

  /** Does a step, and leaves as much time to others. */
  async function step<T>(work: () => Promise<T>): Promise<T> {
    closing.signal.throwIfAborted();
    const begun = performance.now();
    const result = await work();
    await delay(Math.max(1, performance.now() - begun), undefined, { signal: closing.signal });
    return result;
  }

  const stepRows: Record<StepKind, number> = {
    logs: FIRST_STEP_ROWS,
    runs: FIRST_STEP_ROWS,
    ticks: FIRST_STEP_ROWS,
  };
  /** The same with as many rows as take about `STEP_MS`: those of one kind say nothing of another. */
  function stepOf<T>(kind: StepKind, work: (rows: number) => Promise<T>): Promise<T> {
    return step(async () => {
      const rows = stepRows[kind];
      const begun = performance.now();
      const result = await work(rows);
      const next = Math.round(rows * (performance.now() - begun > STEP_MS ? 0.5 : 1.25));
      stepRows[kind] = Math.max(1, Math.min(MAX_STEP_ROWS[kind], next));
      return result;
    });
  }

  /** Removes what removed runs have left. */
  async function clearLogs(): Promise<void> {
    while ((await stepOf('logs', removal.logs)) > 0);
  }

  /** @returns how many */
  async function removeRuns(ended: readonly EndedRun[]): Promise<number> {
    let count = 0;
    for (let at = 0; at < ended.length; ) {
      count += await stepOf('runs', (rows) => {
        const some = ended.slice(at, at + rows);
        at += rows;
        return removal.runs(some);
      });
    }
    removed.runs += count;
    if (count > 0) await clearLogs();
    return count;
  }

  /** Those that have their own say in what is kept of them. */
  async function findOwnLimits(): Promise<Map<string, Kept>> {
    const own = new Map<string, Kept>();
    for (let cursor: string | null = null; ; ) {
      const request: PageRequest = { limit: PAGE_SCHEDULES, cursor, backward: false };
      const page: Page<ScheduleSummary> = await step(() => schedules.list({}, 'created', request));
      for (const { node } of page.items) {
        const { keepDays, keepRuns } = node.policy;
        if (keepDays === null && keepRuns === null) continue;
        own.set(node.id, { days: keepDays ?? limits.days, runs: keepRuns ?? limits.runs });
      }
      cursor = page.items.at(-1)?.cursor ?? null;
      if (!page.hasMore || cursor === null) return own;
    }
  }

  /** Finds the newest success of each schedule, once a pass; of one that is deleted nothing is kept. */
  function createKeeper() {
    const successes = new Map<string, string | null>();
    async function lastSuccessOf(scheduleId: string): Promise<string | null> {
      if ((await schedules.findMany([scheduleId]))[0] === null) return null;
      const filter: RunFilter = { scheduleId, status: ['succeeded'] };
      const { items } = await runs.list(filter, { limit: 1, cursor: null, backward: false });
      return items[0]?.node.id ?? null;
    }
    return async ({ id, scheduleId, status }: RunSummary): Promise<boolean> => {
      if (!isFinished(status)) return true;
      if (scheduleId === null || status !== 'succeeded') return false;
      if (!successes.has(scheduleId)) successes.set(scheduleId, await lastSuccessOf(scheduleId));
      return successes.get(scheduleId) === id;
    };
  }
  type Keeper = ReturnType<typeof createKeeper>;

  /** Runs from the oldest on, a page at a time. */
  async function* oldestFirst(filter: RunFilter): AsyncGenerator<RunSummary[], void, undefined> {
    for (let cursor: string | null = null; ; ) {
      const request: PageRequest = { limit: PAGE_RUNS, cursor, backward: true };
      const page: Page<RunSummary> = await step(() => runs.list(filter, request));
      yield page.items.map(({ node }) => node).reverse();
      cursor = page.items[0]?.cursor ?? null;
      if (!page.hasMore || cursor === null) return;
    }
  }

  const settledBefore = () => options.now().getTime() - timings.settledMs;

  async function countWithout(filter: RunFilter, others: ReadonlySet<string>): Promise<number> {
    let count = await step(() => runs.count(filter));
    for (const scheduleId of others) count -= await step(() => runs.count({ scheduleId }));
    return count;
  }

  /** @param others schedules whose runs neither count here nor go */
  async function removeOld(
    filter: RunFilter,
    kept: Kept,
    others: ReadonlySet<string>,
    mustKeep: Keeper,
  ): Promise<void> {
    const oldest = kept.days === null ? 0 : options.now().getTime() - kept.days * DAY_MS;
    const isOther = ({ scheduleId }: RunSummary) => scheduleId !== null && others.has(scheduleId);
    const excess = kept.runs === null ? 0 : (await countWithout(filter, others)) - kept.runs;
    let seen = 0;
    for await (const page of oldestFirst(filter)) {
      const ended: EndedRun[] = [];
      for (const run of page) {
        if (isOther(run)) continue;
        seen += 1;
        const end = run.finishedAt;
        const isDue =
          end !== null && (end.getTime() < oldest || (seen <= excess && end.getTime() < settledBefore()));
        if (isDue && !(await mustKeep(run))) ended.push({ id: run.id, finishedAt: end });
      }
      await removeRuns(ended);
      const newest = page.at(-1);
      // a run ends after it was queued
      if (seen >= excess && (newest === undefined || newest.queuedAt.getTime() >= oldest)) return;
    }
  }

  async function removeUntilItFits(maxBytes: number, mustKeep: Keeper): Promise<void> {
    let size = await removal.size();
    if (size === null && !hasWarned) {
      hasWarned = true;
      options.onInfo('the database does not tell its size, so runs go by age and count only', {});
    }
    if (size === null || size <= maxBytes) return;
    let smallest = size;
    let inVain = 0;
    for await (const page of oldestFirst({})) {
      for (let at = 0; at < page.length; at += RUNS_PER_LOOK) {
        const ended: EndedRun[] = [];
        for (const run of page.slice(at, at + RUNS_PER_LOOK)) {
          const end = run.finishedAt;
          if (end !== null && end.getTime() < settledBefore() && !(await mustKeep(run)))
            ended.push({ id: run.id, finishedAt: end });
        }
        const count = await removeRuns(ended);
        if (count === 0) continue;
        size = await removal.size();
        if (size === null || size <= maxBytes) return;
        inVain = size < smallest ? 0 : inVain + count;
        smallest = Math.min(smallest, size);
        if (inVain >= (options.maxInVain ?? MAX_IN_VAIN)) {
          tellInVain(size, maxBytes);
          return;
        }
      }
    }
  }

  function tellInVain(bytes: number, maxBytes: number): void {
    if (!hasWarnedInVain)
      options.onInfo('more is stored than is to be kept, but it is not runs that take the room', {
        bytes,
        maxBytes,
      });
    hasWarnedInVain = true;
  }

  async function removeTicks(days: number): Promise<void> {
    const before = new Date(options.now().getTime() - days * DAY_MS);
    for (;;) {
      const count = await stepOf('ticks', (rows) => removal.ticks(before, rows));
      if (count === 0) return;
      removed.ticks += count;
    }
  }

  async function reclaim(): Promise<void> {
    for (;;) {
      const bytes = await step(() => removal.reclaim(RECLAIM_BYTES));
      if (bytes === 0) return;
      removed.bytes += bytes;
    }
  }

  async function removeAll(): Promise<void> {
    const before = { ...removed };
    const begun = performance.now();
    // left by a process that was ended
    await clearLogs();
    const own = await findOwnLimits();
    const mustKeep = createKeeper();
    for (const [scheduleId, kept] of own) await removeOld({ scheduleId }, kept, NONE, mustKeep);
    await removeOld({}, limits, new Set(own.keys()), mustKeep);
    if (limits.days !== null) await removeTicks(limits.days);
    // last: what goes for its age need not go for its size
    if (limits.bytes !== null) await removeUntilItFits(limits.bytes, mustKeep);
    await reclaim();
    const details = {
      runs: removed.runs - before.runs,
      ticks: removed.ticks - before.ticks,
      bytes: removed.bytes - before.bytes,
      ms: Math.round(performance.now() - begun),
    };
    if (details.runs + details.ticks > 0) options.onInfo('removed what is older than it is kept', details);
  }

  return {
    removed,
    size: removal.size,

    begin() {
      const now = performance.now();
      if (pass !== null || closing.signal.aborted || (last !== null && now - last < timings.everyMs)) return;
      last = now;
      pass = removeAll()
        .catch((error: unknown) => {
          if (!closing.signal.aborted) options.onError(error, 'removing what is older than it is kept');
        })
        .finally(() => {
          pass = null;
        });
    },

    async close() {
      closing.abort();
      await pass;
    },
  };
}
