import type { LogReadLimits } from '../../domain/logs/run-log.ts';
import type { RunProcess } from '../../runner/runner.ts';
import type { Storage } from '../../storage/storage.ts';
import type { LogTimings } from '../../timings.ts';
import { createLogCache, type LogCache } from './log-cache.ts';
import { createLogReading, type LogReading } from './log-reading.ts';
import { createLogSearching, type LogSearching } from './log-searching.ts';
import { createLogStoring } from './log-storing.ts';
import { createLogWatches, type LogWatches } from './log-watches.ts';
import { createSearchThreads } from './search-threads.ts';
import { type StoredLog, storedLogOf } from './stored-log.ts';

/** Stores what runs write, and serves what they print to any number of readers. */
export interface RunLogService extends LogReading, LogSearching {
  /**
   * Stores everything that the process writes to its streams, each from where the store left off, until it has
   * ended. While the database is unreachable it waits: the kernel keeps the written bytes in the spool files.
   * Rejects only when `signal` aborts.
   * @param isNew whether nothing of it can have been stored yet
   */
  ingest(process: RunProcess, isNew: boolean, signal: AbortSignal): Promise<void>;
  /** Wakes the readers of this run, which has ended. */
  notifyEnd(runId: string): void;
  /** The stream `events`, for those who make something of it. */
  readonly events: EventStream;
  close(): void;
}

export interface EventStream {
  readonly log: StoredLog;
  readonly watches: Pick<LogWatches, 'watch' | 'closing'>;
}

export interface RunLogServiceOptions {
  readonly storage: Pick<Storage, 'runs' | 'runLogs' | 'changes' | 'isShared'>;
  readonly timings: LogTimings;
  /** Reports a failure that will be retried. */
  onError(error: unknown, during: string): void;
}

/** Limits of one subscription event. */
const BATCH: LogReadLimits = { maxLines: 10_000, maxBytes: 65_536 };

/** What is made of events is kept by whoever makes it. */
const NO_CACHE: Pick<LogCache, 'appended' | 'changed' | 'forget'> = {
  appended: () => undefined,
  changed: () => undefined,
  forget: () => undefined,
};

export function createRunLogService({ storage, timings, onError }: RunLogServiceOptions): RunLogService {
  const { runs, runLogs } = storage;
  const log = storedLogOf(runLogs, 'output');
  const cache = createLogCache(log, BATCH);
  const watches = createLogWatches({ storage, log, cache, timings, onError });
  const eventLog = storedLogOf(runLogs, 'events');
  const eventWatches = createLogWatches({ storage, log: eventLog, cache: NO_CACHE, timings, onError });
  const threads = createSearchThreads();
  return {
    ...createLogReading({ runs, log, runLogs, cache, watches, batch: BATCH }),
    ...createLogSearching({ runs, runLogs, threads }),
    ingest: createLogStoring({
      runLogs,
      watches: { output: watches, events: eventWatches },
      timings,
      onError,
    }),
    events: { log: eventLog, watches: eventWatches },
    notifyEnd(runId) {
      watches.mayHaveEnded(runId);
      eventWatches.mayHaveEnded(runId);
    },
    close() {
      threads.close();
      watches.close();
      eventWatches.close();
    },
  };
}
