import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from '../../domain/actor.ts';
import { clip, InvalidInputError, NotFoundError } from '../../domain/errors.ts';
import { createLogSplitter } from '../../domain/logs/log-splitter.ts';
import type { LogHead, LogLines, LogReadLimits } from '../../domain/logs/run-log.ts';
import { isFinished } from '../../domain/runs/run.ts';
import type { RunProcess } from '../../runner/runner.ts';
import type { Storage } from '../../storage/storage.ts';
import type { LogTimings } from '../../timings.ts';
import { interruptible } from '../interruptible.ts';
import { createLogCache } from './log-cache.ts';

/** Stores what runs print, and reads it to any number of readers. */
export interface RunLogService {
  /**
   * Stores all that the process prints, from where the store stands, until it has ended. While the database cannot be
   * reached it waits: the kernel keeps the output in the spool file. Rejects only when `signal` aborts.
   * @param isNew whether nothing of it can be stored yet
   */
  ingest(process: RunProcess, isNew: boolean, signal: AbortSignal): Promise<void>;
  /** Wakes the readers of this run: it has ended. */
  notifyEnd(runId: string): void;
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
  close(): void;
}

export interface LogPage extends LogLines {
  readonly totalLines: number;
  /** Whether the run has ended and these are its last lines. */
  readonly isComplete: boolean;
}

export interface RunLogServiceOptions {
  readonly storage: Pick<Storage, 'runs' | 'runLogs' | 'changes' | 'isShared'>;
  readonly timings: LogTimings;
  /** Something failed that will be tried again. */
  onError(error: unknown, during: string): void;
}

/** One event of a subscription. */
const BATCH: LogReadLimits = { maxLines: 10_000, maxBytes: 65_536 };
/** After so many looks it is asked whether the runs have ended: the news of it may have been lost. */
const LOOKS_UNTIL_ASKED = 25;
const NOTHING_STORED: LogHead = { totalLines: 0, endOffset: 0 };

/** What is known of a run that is being read. */
interface Watch {
  readers: number;
  /** Bumped by each sign of news, so that news between a read and a wait is not slept through. */
  news: number;
  /** Whether it is known that the run has ended: nothing comes behind what is stored then. */
  isEnded: boolean;
  /** Asks the store whether it has ended; null when nothing was heard since it was asked last. */
  asking: (() => Promise<void>) | null;
  /** As a node that writes it was last seen to have come; unused for runs of this node. */
  totalLines: number;
  readonly sleeping: Set<() => void>;
}

export function createRunLogService({ storage, timings, onError }: RunLogServiceOptions): RunLogService {
  const { runs, runLogs } = storage;
  const cache = createLogCache(runLogs, BATCH);
  const watches = new Map<string, Watch>();
  /** Runs whose lines this process stores. */
  const writing = new Set<string>();
  const closing = new AbortController();
  let polling = false;

  /** While nobody reads there is nothing to hear: other nodes are asked for news only while somebody listens. */
  let stopListening: (() => void) | null = null;

  function wake(watch: Watch): void {
    watch.news += 1;
    for (const resume of watch.sleeping) resume();
    watch.sleeping.clear();
  }

  function mayHaveEnded(runId: string): void {
    const watch = watches.get(runId);
    if (!watch || watch.isEnded) return;
    watch.asking = asker(runId, watch);
    wake(watch);
  }

  /** One question, however many readers ask it. */
  function asker(runId: string, watch: Watch): () => Promise<void> {
    let asked: Promise<void> | null = null;
    const ask = async () => {
      const run = await runs.find(runId);
      if (run !== null && !isFinished(run.status)) return;
      watch.isEnded = true;
      // of a run of another node the newest lines may have come since it was read to its end
      cache.changed(runId);
    };
    const askOnce = () => {
      asked ??= ask().then(
        () => {
          if (watch.asking === askOnce) watch.asking = null;
        },
        (error: unknown) => {
          asked = null;
          throw error;
        },
      );
      return asked;
    };
    return askOnce;
  }

  function watchRun(runId: string): Watch {
    let watch = watches.get(runId);
    if (!watch) {
      watch = { readers: 0, news: 0, isEnded: false, asking: null, totalLines: 0, sleeping: new Set() };
      watch.asking = asker(runId, watch);
      watches.set(runId, watch);
    }
    watch.readers += 1;
    stopListening ??= storage.changes.listen((change) => {
      if (change.kind === 'run') mayHaveEnded(change.id);
    });
    if (storage.isShared && !polling) {
      polling = true;
      void pollOtherNodes();
    }
    return watch;
  }

  function unwatchRun(runId: string, watch: Watch): void {
    watch.readers -= 1;
    if (watch.readers > 0) return;
    watches.delete(runId);
    cache.forget(runId);
    if (watches.size > 0) return;
    stopListening?.();
    stopListening = null;
  }

  /** One question for all watched runs of other nodes, as long as there are any. */
  async function pollOtherNodes(): Promise<void> {
    for (let looks = 1; watches.size > 0 && !closing.signal.aborted; looks += 1) {
      try {
        await lookAtOtherNodes();
        if (looks % LOOKS_UNTIL_ASKED === 0) for (const runId of watches.keys()) mayHaveEnded(runId);
      } catch (error) {
        onError(error, 'looking for new log lines');
      }
      await delay(timings.pollMs, undefined, { ref: false });
    }
    polling = false;
  }

  async function lookAtOtherNodes(): Promise<void> {
    const theirs = [...watches].filter(([runId, { isEnded }]) => !isEnded && !writing.has(runId));
    if (theirs.length === 0) return;
    for (const [runId, { totalLines }] of await runLogs.heads(theirs.map(([runId]) => runId))) {
      const watch = watches.get(runId);
      if (!watch || totalLines === watch.totalLines) continue;
      watch.totalLines = totalLines;
      cache.changed(runId);
      wake(watch);
    }
  }

  /** Resolves when there was news since `seen`. */
  function news(watch: Watch, seen: number, signal: AbortSignal): Promise<void> {
    if (watch.news !== seen || signal.aborted || closing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        watch.sleeping.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      watch.sleeping.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** One pass from where the store stands. @returns whether all is stored; false: another pass is needed */
  async function ingestFrom(head: LogHead, process: RunProcess, signal: AbortSignal): Promise<boolean> {
    const { runId } = process;
    const splitter = createLogSplitter(head.endOffset);
    let firstLine = head.totalLines + 1;
    const append = async (lines: ReturnType<typeof splitter.push>): Promise<boolean> => {
      if (lines === null) return true;
      if (!(await runLogs.append(runId, { firstLine, ...lines }))) {
        cache.changed(runId);
        return false;
      }
      const watch = watches.get(runId);
      if (watch) {
        const { lineCount, bytes } = lines;
        cache.appended(runId, {
          firstLine,
          lineCount,
          bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
        });
        wake(watch);
      }
      firstLine += lines.lineCount;
      return true;
    };
    for await (const bytes of process.output(head.endOffset, signal)) {
      if (!(await append(splitter.push(bytes)))) return false;
    }
    signal.throwIfAborted();
    return append(splitter.end());
  }

  async function requireRun(runId: string, after: number) {
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
      const lines = await runLogs.read(runId, last, BATCH);
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
    const watch = watchRun(runId);
    try {
      let last = after;
      while (!signal.aborted) {
        // ending quietly would tell the reader that the log is complete
        if (closing.signal.aborted) throw new Error('The server is stopping.');
        const seen = watch.news;
        // asked before the lines: a run that had ended then has no lines that come later
        if (watch.asking) await watch.asking();
        const { isEnded } = watch;
        const lines = await cache.read(runId, last);
        if (lines.lineCount > 0) {
          yield lines;
          last += lines.lineCount;
        } else if (isEnded) return;
        else await news(watch, seen, signal);
      }
    } finally {
      unwatchRun(runId, watch);
    }
  }

  return {
    async ingest(process, isNew, signal) {
      const { runId } = process;
      writing.add(runId);
      try {
        for (let head: LogHead | null = isNew ? NOTHING_STORED : null; ; head = null) {
          try {
            head ??= await runLogs.head(runId);
            // false: an answer was lost and the lines were stored all the same; go on from what is stored
            if (await ingestFrom(head, process, signal)) return;
          } catch (error) {
            signal.throwIfAborted();
            onError(error, `storing the log of run ${runId}`);
            await delay(timings.retryMs, undefined, { signal });
          }
        }
      } finally {
        writing.delete(runId);
      }
    },

    notifyEnd: mayHaveEnded,

    async page(_actor, runId, after, limits) {
      // asked before the lines: a run that had ended then has no lines that come later
      const run = await requireRun(runId, after);
      const { totalLines } = await runLogs.head(runId);
      const lines = await runLogs.read(runId, after, limits);
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

    close() {
      closing.abort();
      stopListening?.();
      for (const watch of watches.values()) wake(watch);
    },
  };
}
