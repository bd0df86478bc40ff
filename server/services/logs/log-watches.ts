import { setTimeout as delay } from 'node:timers/promises';
import type { StoredChunk } from '../../domain/logs/log-chunk.ts';
import { isFinished } from '../../domain/runs/run.ts';
import type { Storage } from '../../storage/storage.ts';
import type { LogTimings } from '../../timings.ts';
import type { LogCache } from './log-cache.ts';
import type { StoredLog } from './stored-log.ts';

/** The runs being read, and notifications about them: from this process, or polled from the store. */
export interface LogWatches {
  /** Watches a run for one more reader, who must `release` it. All readers of a run share one watch. */
  watch(runId: string): LogWatch;
  /**
   * This process stores the lines of a run from now on, so nobody needs to poll for them. @returns the function
   * that ends it
   */
  markWriting(runId: string): () => void;
  /** This process has just stored lines. Their bytes are copied if anyone reads the run. */
  appended(runId: string, chunk: StoredChunk): void;
  /** Something else may have been stored. */
  changed(runId: string): void;
  /** The run may have ended. */
  mayHaveEnded(runId: string): void;
  /** Aborts on close: a reader must not mistake that for the end of the log. */
  readonly closing: AbortSignal;
  close(): void;
}

/** The state of a run that is being read. */
export interface LogWatch {
  /** Incremented by each notification, so that none between a read and a wait is missed. */
  readonly news: number;
  /** Whether the run is known to have ended: nothing follows the stored lines then. */
  readonly isEnded: boolean;
  /** Queries the store whether it has ended; null when there was no notification since the last query. */
  readonly asking: (() => Promise<void>) | null;
  /** Resolves when there was news since `seen`, when `signal` aborts, or when the watches are closed. */
  untilNews(seen: number, signal: AbortSignal): Promise<void>;
  /** Each reader must call it once. */
  release(): void;
}

export interface LogWatchesOptions {
  readonly storage: Pick<Storage, 'runs' | 'changes' | 'isShared'>;
  readonly log: Pick<StoredLog, 'heads'>;
  readonly cache: Pick<LogCache, 'appended' | 'changed' | 'forget'>;
  readonly timings: LogTimings;
  /** Reports a failure that will be retried. */
  onError(error: unknown, during: string): void;
}

/** After this many polls, check whether the runs have ended: the notification may have been lost. */
const LOOKS_UNTIL_ASKED = 25;

interface Watch extends LogWatch {
  news: number;
  isEnded: boolean;
  asking: (() => Promise<void>) | null;
  /** Lines that another node was last seen to have stored; unused for runs of this node. */
  totalLines: number;
  readonly sleeping: Set<() => void>;
  /** Adds a reader. */
  take(): void;
}

export function createLogWatches({ storage, log, cache, timings, onError }: LogWatchesOptions): LogWatches {
  const { runs } = storage;
  const watches = new Map<string, Watch>();
  /** Runs whose lines this process stores. */
  const writing = new Set<string>();
  const closing = new AbortController();
  let polling = false;

  /** Null without readers: other nodes are polled for changes only while someone listens. */
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

  /** One query, however many readers request it. */
  function asker(runId: string, watch: Watch): () => Promise<void> {
    let asked: Promise<void> | null = null;
    const ask = async () => {
      const run = await runs.find(runId);
      if (run !== null && !isFinished(run.status)) return;
      watch.isEnded = true;
      // another node may have stored its last lines after the cache read the log to its end
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

  /** One query for all watched runs of other nodes, as long as there are watched runs. */
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
    for (const [runId, { totalLines }] of await log.heads(theirs.map(([runId]) => runId))) {
      const watch = watches.get(runId);
      if (!watch || totalLines === watch.totalLines) continue;
      watch.totalLines = totalLines;
      cache.changed(runId);
      wake(watch);
    }
  }

  function createWatch(runId: string): Watch {
    let readers = 0;
    const sleeping = new Set<() => void>();
    const watch: Watch = {
      news: 0,
      isEnded: false,
      asking: null,
      totalLines: 0,
      sleeping,
      take() {
        readers += 1;
      },
      release() {
        readers -= 1;
        if (readers === 0) forget(runId);
      },
      untilNews(seen, signal) {
        if (watch.news !== seen || signal.aborted || closing.signal.aborted) return Promise.resolve();
        return new Promise((resolve) => {
          const done = () => {
            sleeping.delete(done);
            signal.removeEventListener('abort', done);
            resolve();
          };
          sleeping.add(done);
          signal.addEventListener('abort', done, { once: true });
        });
      },
    };
    watch.asking = asker(runId, watch);
    return watch;
  }

  function forget(runId: string): void {
    watches.delete(runId);
    cache.forget(runId);
    if (watches.size > 0) return;
    stopListening?.();
    stopListening = null;
  }

  return {
    closing: closing.signal,

    watch(runId) {
      const watch = watches.get(runId) ?? createWatch(runId);
      watches.set(runId, watch);
      watch.take();
      stopListening ??= storage.changes.listen((change) => {
        if (change.kind === 'run') mayHaveEnded(change.id);
      });
      if (storage.isShared && !polling) {
        polling = true;
        void pollOtherNodes();
      }
      return watch;
    },

    markWriting(runId) {
      writing.add(runId);
      return () => writing.delete(runId);
    },

    appended(runId, chunk) {
      const watch = watches.get(runId);
      if (!watch) return;
      cache.appended(runId, chunk);
      wake(watch);
    },

    changed: (runId) => cache.changed(runId),
    mayHaveEnded,

    close() {
      closing.abort();
      stopListening?.();
      for (const watch of watches.values()) wake(watch);
    },
  };
}
