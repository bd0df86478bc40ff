import type { LogHead, LogReadLimits, LogStream, StoredLines } from '../../domain/logs/run-log.ts';
import type { RunLogStore } from '../../storage/storage.ts';

/** One stream of all runs, for readers that need no other. */
export interface StoredLog {
  /** @see RunLogStore */
  read(runId: string, after: number, limits: LogReadLimits): Promise<StoredLines>;
  head(runId: string): Promise<LogHead>;
  heads(runIds: readonly string[]): Promise<Map<string, LogHead>>;
}

export function storedLogOf(runLogs: RunLogStore, stream: LogStream): StoredLog {
  return {
    read: (runId, after, limits) => runLogs.read(runId, stream, after, limits),
    head: (runId) => runLogs.head(runId, stream),
    heads: (runIds) => runLogs.heads(runIds, stream),
  };
}
