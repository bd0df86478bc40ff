import type { Actor } from '../../domain/actor.ts';
import { clip, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import type { LogLines, LogReadLimits } from '../../domain/logs/run-log.ts';
import { isFinished, type Run } from '../../domain/runs/run.ts';
import type { RunStore } from '../../storage/storage.ts';
import { interruptible } from '../interruptible.ts';
import type { LogCache } from './log-cache.ts';
import type { LogWatches } from './log-watches.ts';
import type { StoredLog } from './stored-log.ts';

/** Reads stored logs, and follows those that grow. */
export interface LogReading {
  /** Lines behind `after`, with how far the log is. @throws {NotFoundError} @throws {InvalidInputError} */
  page(actor: Actor, runId: string, after: number, limits: LogReadLimits): Promise<LogPage>;
  /** Lines behind `after` as far as they are stored now. @throws {NotFoundError} @throws {InvalidInputError} */
  stored(actor: Actor, runId: string, after: number): Promise<AsyncGenerator<LogLines, void, undefined>>;
  /**
   * Lines behind `after`, first the stored ones, then as they come, without a gap or a repeat; ends after the last line of
   * a run that has ended. The reader's pace is the pace: nothing is kept for it.
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
  readonly cache: Pick<LogCache, 'read'>;
  readonly watches: Pick<LogWatches, 'watch' | 'closing'>;
  /** What a reader gets at once. */
  readonly batch: LogReadLimits;
}

export function createLogReading({ runs, log, cache, watches, batch }: LogReadingOptions): LogReading {
  const { closing } = watches;

  async function requireRun(runId: string, after: number): Promise<Run> {
    if (!Number.isSafeInteger(after) || after < 0) {
      throw new InvalidInputError([
        {
          path: ['after'],
          message: `"after" is ${after}; expected the number of the last line held, 0 or more.`,
          position: null,
        },
      ]);
    }
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
        // asked before the lines: a run that had ended then has no lines that come later
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
      // asked before the lines: a run that had ended then has no lines that come later
      const run = await requireRun(runId, after);
      const { totalLines } = await log.head(runId);
      const lines = await log.read(runId, after, limits);
      const isComplete = isFinished(run.status) && after + lines.lineCount >= totalLines;
      return { ...lines, totalLines, isComplete };
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
