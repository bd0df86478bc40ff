import { relative, sep } from 'node:path';
import type { Actor } from '../../domain/actor.ts';
import { clip, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { terminalText } from '../../domain/logs/terminal-text.ts';
import { decodeCursor, encodeCursor, type Page, type PageRequest } from '../../domain/page.ts';
import type { Drift } from '../../domain/results/drift.ts';
import { type HostResult, hostResultOf } from '../../domain/results/host-result.ts';
import { type BeginEvent, parseResultEvent } from '../../domain/results/result-event.ts';
import type { Failure } from '../../domain/results/run-failures.ts';
import {
  hasFailedItself,
  type LoggedError,
  loggedErrorIn,
  runLevelFailure,
} from '../../domain/results/run-level-failure.ts';
import type { PlayResult, ResultFilter, RunResults } from '../../domain/results/run-results.ts';
import type { HostRecap } from '../../domain/results/task-rows.ts';
import { isFinished, type RunSummary } from '../../domain/runs/run.ts';
import type { RunStore } from '../../storage/storage.ts';
import { interruptible } from '../interruptible.ts';
import type { EventStream } from '../logs/run-log-service.ts';
import type { StoredLog } from '../logs/stored-log.ts';
import { createEventLines } from './event-lines.ts';
import { createResultCache } from './result-cache.ts';

/** What a run did on which host, from the events of our callback plugin. */
export interface RunResultService {
  /** Per host, as in PLAY RECAP. */
  recap(actor: Actor, run: RunSummary): Promise<HostRecap[]>;
  /**
   * What went wrong and was neither rescued nor ignored, in the order in which it happened; the failure of the run
   * itself last. None of a run that succeeded, as Ansible sees it.
   */
  failures(actor: Actor, run: RunSummary): Promise<readonly Failure[]>;
  /** Plays and tasks in the order in which they began. */
  plays(actor: Actor, run: RunSummary): Promise<PlayResult[]>;
  /** Why there are no results, or not all; null: there is nothing to say. */
  problem(actor: Actor, run: RunSummary): Promise<string | null>;
  /** What the plugin said when it was loaded; null: it was not (yet). */
  begin(actor: Actor, run: RunSummary): Promise<BeginEvent | null>;
  /** What would change, of a run in check mode; null: it was none, or nothing is known of it. */
  drift(actor: Actor, run: RunSummary): Promise<Drift | null>;
  /** In the order of the log. @throws {InvalidInputError} about the cursor */
  list(actor: Actor, run: RunSummary, filter: ResultFilter, page: PageRequest): Promise<Page<HostResult>>;
  count(actor: Actor, run: RunSummary, filter: ResultFilter): Promise<number>;
  /** The diff of a result of this run; "" when it is not there any more. */
  diff(
    actor: Actor,
    runId: string,
    lines: { readonly from: number; readonly count: number },
  ): Promise<string>;
  /**
   * Results after the first `after`: first those that are stored, then new ones as they come, without gaps or
   * repeats; ends after the last result of an ended run.
   * @throws {NotFoundError} @throws {InvalidInputError}
   */
  tail(actor: Actor, runId: string, after: number): Promise<AsyncGenerator<HostResult[], void, undefined>>;
}

export interface RunResultServiceOptions {
  readonly runs: Pick<RunStore, 'find'>;
  readonly events: EventStream;
  /** What the runs printed. */
  readonly log: Pick<StoredLog, 'read' | 'head'>;
  /** The folder of playbooks; absolute, without symlinks. */
  readonly root: string;
}

/** The format that has results. */
const FORMAT = 2;
/** How many results a reader gets at once. */
const BATCH = 500;
/** How much of the end of a log is searched for Ansible's last error. */
const LOG_END = { maxLines: 200, maxBytes: 262_144 };
/** Errors that were looked up. */
const MAX_ERRORS = 1_000;
const CURSOR = ['number'] as const;

export function createRunResultService({
  runs,
  events,
  log,
  root,
}: RunResultServiceOptions): RunResultService {
  const cache = createResultCache(events.log);
  const { watches } = events;
  /** By run, which has ended: its log does not change any more. */
  const errors = new Map<string, LoggedError | null>();

  async function loggedError(runId: string): Promise<LoggedError | null> {
    const known = errors.get(runId);
    if (known !== undefined) return known;
    const { totalLines } = await log.head(runId);
    const after = Math.max(0, totalLines - LOG_END.maxLines);
    const { text, firstLine } = await log.read(runId, after, LOG_END);
    const found = loggedErrorIn(terminalText(text, false).split('\n'), firstLine);
    const error = found && { ...found, file: found.file && relativeInside(root, found.file) };
    errors.set(runId, error);
    if (errors.size > MAX_ERRORS) errors.delete([...errors.keys()][0] ?? '');
    return error;
  }

  /** The results with these numbers. */
  async function read(runId: string, results: RunResults, indices: readonly number[]): Promise<HostResult[]> {
    const lines = createEventLines(events.log, runId);
    const found: HostResult[] = [];
    for (const index of indices) {
      const entry = results.entry(index);
      found.push(hostResultOf(entry, await lines.at(entry.line)));
    }
    return found;
  }

  async function* readLive(
    runId: string,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<HostResult[], void, undefined> {
    const watch = watches.watch(runId);
    try {
      let held = after;
      while (!signal.aborted) {
        // ending quietly would tell the reader that nothing follows
        if (watches.closing.aborted) throw new Error('The server is stopping.');
        const seen = watch.news;
        // checked before reading: a run that has ended by then gets no later results
        if (watch.asking) await watch.asking();
        const { isEnded } = watch;
        const run = isEnded ? await runs.find(runId) : null;
        const results = await cache.upToDate({
          id: runId,
          status: run?.status ?? (isEnded ? 'lost' : 'running'),
        });
        while (held < results.count && !signal.aborted) {
          const batch = range(held, Math.min(held + BATCH, results.count));
          yield await read(runId, results, batch);
          held += batch.length;
        }
        if (isEnded) return;
        await watch.untilNews(seen, signal);
      }
    } finally {
      watch.release();
    }
  }

  return {
    async recap(_actor, run) {
      return (await cache.upToDate(run)).recap();
    },

    async failures(_actor, run) {
      // lists ask for them: the results of runs that have none need not be read
      if (run.status === 'succeeded' || run.status === 'queued') return [];
      const failures = (await cache.upToDate(run)).failures();
      if (!hasFailedItself(run, failures)) return failures;
      return [...failures, runLevelFailure(run, run.status === 'failed' ? await loggedError(run.id) : null)];
    },

    async plays(_actor, run) {
      return (await cache.upToDate(run)).plays();
    },

    async problem(_actor, run) {
      return problemOf(run, await cache.upToDate(run));
    },

    async begin(_actor, run) {
      return (await cache.upToDate(run)).begin;
    },

    async drift(_actor, run) {
      return (await cache.upToDate(run)).drift();
    },

    async list(_actor, run, filter, { limit, cursor, backward }) {
      const results = await cache.upToDate(run);
      const matching = results.matching(filter);
      const [from, to] = pageOf(matching, { limit, cursor, backward });
      const indices = matching.slice(from, to);
      const nodes = await read(run.id, results, indices);
      return {
        items: nodes.map((node, i) => ({ node, cursor: encodeCursor([(indices[i] ?? 0) + 1]) })),
        hasMore: backward ? from > 0 : to < matching.length,
      };
    },

    async count(_actor, run, filter) {
      return (await cache.upToDate(run)).matching(filter).length;
    },

    async diff(_actor, runId, { from, count }) {
      const lines = createEventLines(events.log, runId);
      let diff = '';
      for (let line = from; line < from + count; line += 1) {
        const event = parseResultEvent(await lines.at(line));
        if (event?.kind === 'diff') diff += event.text;
      }
      return diff;
    },

    async tail(_actor, runId, after) {
      if (!Number.isSafeInteger(after) || after < 0) {
        const message = `"after" is ${after}; expected how many results are held, 0 or more.`;
        throw new InvalidInputError([{ path: ['after'], message, position: null }]);
      }
      if (!(await runs.find(runId))) throw new NotFoundError('run', clip(runId));
      return interruptible((signal) => readLive(runId, after, signal));
    },
  };
}

/** Which of the matching results are on the page: from, to. */
function pageOf(matching: readonly number[], { limit, cursor, backward }: PageRequest): [number, number] {
  const held = cursor === null ? null : Number(decodeCursor(cursor, CURSOR)[0]);
  if (backward) {
    const to = held === null ? matching.length : countBelow(matching, held - 1);
    return [Math.max(0, to - limit), to];
  }
  const from = held === null ? 0 : countBelow(matching, held);
  return [from, Math.min(matching.length, from + limit)];
}

/** How many of the ascending numbers are less than `limit`. */
function countBelow(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function relativeInside(root: string, path: string): string {
  return path.startsWith(root + sep) ? relative(root, path) : path;
}

/** A run that got as far as Ansible's own exit codes for its hosts has begun a play. */
const AFTER_A_PLAY: ReadonlySet<number | null> = new Set([0, 2, 6]);

function problemOf(run: RunSummary, { begin, broken, isEnded }: RunResults): string | null {
  const hasReachedItsEnd = isFinished(run.status) && AFTER_A_PLAY.has(run.exitCode);
  if (broken !== null)
    return `Results after a certain point are missing: Sible's callback plugin stopped (${broken}).`;
  if (begin !== null) {
    if (begin.format < FORMAT) return 'The run was made by a version of Sible that recorded no results.';
    return isEnded || !hasReachedItsEnd
      ? null
      : "Results after a certain point are missing: Sible's callback plugin could not write them.";
  }
  if (!hasReachedItsEnd) return null;
  return "Ansible did not load Sible's callback plugin, so there are no results; the log and the exit code are complete.";
}
