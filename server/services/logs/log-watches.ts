import { setTimeout as delay } from 'node:timers/promises';
import type { StoredChunk } from '../../domain/logs/log-chunk.ts';
import { isFinished } from '../../domain/runs/run.ts';
import type { Storage } from '../../storage/storage.ts';
import type { LogTimings } from '../../timings.ts';
import type { LogCache } from './log-cache.ts';
import type { StoredLog } from './stored-log.ts';

/** The runs that are being read, and the signs of news about them: from this process, or asked of the store. */
export interface LogWatches {
  /** Watches a run for one more reader, who must `release` it. All readers of a run get the same watch. */
  watch(runId: string): LogWatch;
  /** This process stores the lines of a run from now on: nobody needs to look for them. @returns the function that ends it */
  markWriting(runId: string): () => void;
  /** This process has just stored lines. Their bytes are copied where somebody reads them. */
  appended(runId: string, chunk: StoredChunk): void;
  /** Something else may have been stored. */
  changed(runId: string): void;
  /** The run may have ended. */
  mayHaveEnded(runId: string): void;
  /** Aborts on close: a reader must not take that for the end of the log. */
  readonly closing: AbortSignal;
  close(): void;
}

/** What is known of a run that is being read. */
export interface LogWatch {
  /** Bumped by each sign of news, so that news between a read and a wait is not slept through. */
  readonly news: number;
  /** Whether the run is known to have ended: nothing follows what is stored then. */
  readonly isEnded: boolean;
  /** Asks the store whether it has ended; null when nothing was heard since it was asked last. */
  readonly asking: (() => Promise<void>) | null;
  /** Resolves when there was news since `seen`, when `signal` aborts, or when the watches are closed. */
  untilNews(seen: number, signal: AbortSignal): Promise<void>;
  /** To be called once by each reader. */
  release(): void;
}

export interface LogWatchesOptions {
  readonly storage: Pick<Storage, 'runs' | 'changes' | 'isShared'>;
  readonly log: Pick<StoredLog, 'heads'>;
  readonly cache: Pick<LogCache, 'appended' | 'changed' | 'forget'>;
  readonly timings: LogTimings;
  /** Something failed that will be tried again. */
  onError(error: unknown, during: string): void;
}

/** After this many polls, check whether the runs have ended: the notification may have been lost. */
const LOOKS_UNTIL_ASKED = 25;

interface Watch extends LogWatch {
  news: number;
  isEnded: boolean;
  asking: (() => Promise<void>) | null;
  /** As a node that writes it was last seen to have come; unused for runs of this node. */
  totalLines: number;
  readonly sleeping: Set<() => void>;
  /** One more reader. */
  take(): void;
}

export function createLogWatches({ storage, log, cache, timings, onError }: LogWatchesOptions): LogWatches {
  const { runs } = storage;
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
