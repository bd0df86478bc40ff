import type { Actor } from '../../domain/actor.ts';
import { clip, NotFoundError } from '../../domain/errors.ts';
import type { LogLines, LogReadLimits, LogTime } from '../../domain/logs/run-log.ts';
import { isFinished, type Run } from '../../domain/runs/run.ts';
import type { RunLogStore, RunStore } from '../../storage/storage.ts';
import { interruptible } from '../interruptible.ts';
import { requireLineNumber } from './line-number.ts';
import type { LogCache } from './log-cache.ts';
import type { LogWatches } from './log-watches.ts';
import type { StoredLog } from './stored-log.ts';

/** Reads stored logs, and tails growing ones. */
export interface LogReading {
  /** Lines after `after`, with the length of the log. @throws {NotFoundError} @throws {InvalidInputError} */
  page(actor: Actor, runId: string, after: number, limits: LogReadLimits): Promise<LogPage>;
  /** Lines after `after` that are stored now. @throws {NotFoundError} @throws {InvalidInputError} */
  stored(actor: Actor, runId: string, after: number): Promise<AsyncGenerator<LogLines, void, undefined>>;
  /**
   * When the lines from `from` to `to` were written, at most 10,000 entries; the first one covers line `from`.
   * @throws {NotFoundError} @throws {InvalidInputError}
   */
  times(actor: Actor, runId: string, from: number, to: number): Promise<LogTime[]>;
  /**
   * Lines after `after`: first the stored ones, then new ones as they arrive, without gaps or repeats; ends
   * after the last line of an ended run. The reader sets the pace: nothing is buffered for it.
   * @throws {NotFoundError} @throws {InvalidInputError}
   */
  tail(actor: Actor, runId: string, after: number): Promise<AsyncGenerator<LogLines, void, undefined>>;
}

export interface LogPage extends LogLines {
  readonly totalLines: number;
  /** Whether the run has ended and these are its last lines. */
  readonly isComplete: boolean;
}

export interface LogReadingOptions {
  readonly runs: Pick<RunStore, 'find'>;
  readonly log: StoredLog;
  readonly runLogs: Pick<RunLogStore, 'times'>;
  readonly cache: Pick<LogCache, 'read'>;
  readonly watches: Pick<LogWatches, 'watch' | 'closing'>;
  /** What a reader gets at once. */
  readonly batch: LogReadLimits;
}

const MAX_TIMES = 10_000;

export function createLogReading({
  runs,
  log,
  runLogs,
  cache,
  watches,
  batch,
}: LogReadingOptions): LogReading {
  const { closing } = watches;

  async function requireRun(runId: string, after: number): Promise<Run> {
    requireLineNumber(after);
    const run = await runs.find(runId);
    if (!run) throw new NotFoundError('run', clip(runId));
    return run;
  }

  async function* readStored(runId: string, after: number): AsyncGenerator<LogLines, void, undefined> {
    for (let last = after; ; ) {
      const lines = await log.read(runId, last, batch);
      if (lines.lineCount === 0) return;
      yield lines;
      last += lines.lineCount;
    }
  }

  async function* readLive(
    runId: string,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<LogLines, void, undefined> {
    const watch = watches.watch(runId);
    try {
      let last = after;
      while (!signal.aborted) {
        // ending quietly would tell the reader that the log is complete
        if (closing.aborted) throw new Error('The server is stopping.');
        const seen = watch.news;
        // checked before reading lines: a run that has ended by then gets no later ones
        if (watch.asking) await watch.asking();
        const { isEnded } = watch;
        const lines = await cache.read(runId, last);
        if (lines.lineCount > 0) {
          yield lines;
          last += lines.lineCount;
        } else if (isEnded) return;
        else await watch.untilNews(seen, signal);
      }
    } finally {
      watch.release();
    }
  }

  return {
    async page(_actor, runId, after, limits) {
      // checked before reading lines: a run that has ended by then gets no later ones
      const run = await requireRun(runId, after);
      const { totalLines } = await log.head(runId);
      const lines = await log.read(runId, after, limits);
      const isComplete = isFinished(run.status) && after + lines.lineCount >= totalLines;
      return { ...lines, totalLines, isComplete };
    },

    async times(_actor, runId, from, to) {
      await requireRun(runId, from);
      return runLogs.times(runId, 'output', from, to, MAX_TIMES);
    },

    async stored(_actor, runId, after) {
      await requireRun(runId, after);
      return readStored(runId, after);
    },

    async tail(_actor, runId, after) {
      await requireRun(runId, after);
      return interruptible((signal) => readLive(runId, after, signal));
    },
  };
}
