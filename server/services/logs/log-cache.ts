import { putBounded } from '../../domain/bounded-map.ts';
import { readChunks, type StoredChunk } from '../../domain/logs/log-chunk.ts';
import type { LogReadLimits, StoredLines } from '../../domain/logs/run-log.ts';
import type { StoredLog } from './stored-log.ts';

/**
 * Lines that several readers want, read once: recently stored ones, and those that a reader has requested from
 * the store. Readers at the same line get the very same object.
 */
export interface LogCache {
  /** Lines after `after`, at most one batch: as the store would return now, or has since the last `changed`. */
  read(runId: string, after: number): Promise<StoredLines>;
  /** This process has just stored this chunk. Its bytes are copied. */
  appended(runId: string, chunk: StoredChunk): void;
  /** Something else may have been stored. */
  changed(runId: string): void;
  /** Nobody reads this run any more. */
  forget(runId: string): void;
}

/** Per run, in bytes: a reader further behind queries the store. */
const RECENT_BYTES = 524_288;
/** Across all runs; a batch is 64 KiB. */
const MAX_BATCHES = 256;

interface Entry {
  /** The newest chunks, without gaps. */
  recent: StoredChunk[];
  recentBytes: number;
  /** Keys of batches that newly stored lines may extend. */
  readonly open: Set<string>;
}

export function createLogCache(log: Pick<StoredLog, 'read'>, batch: LogReadLimits): LogCache {
  const entries = new Map<string, Entry>();
  const batches = new Map<string, Promise<StoredLines>>();

  function entryOf(runId: string): Entry {
    let entry = entries.get(runId);
    if (!entry) {
      entry = { recent: [], recentBytes: 0, open: new Set() };
      entries.set(runId, entry);
    }
    return entry;
  }

  function dropOpen(entry: Entry): void {
    for (const key of entry.open) batches.delete(key);
    entry.open.clear();
  }

  function dropRecent(entry: Entry): void {
    entry.recent = [];
    entry.recentBytes = 0;
  }

  function readNew(entry: Entry, runId: string, after: number): Promise<StoredLines> {
    const { recent } = entry;
    const last = recent.at(-1);
    const isRecent =
      last !== undefined &&
      (recent[0]?.firstLine ?? 0) <= after + 1 &&
      after < last.firstLine + last.lineCount;
    if (!isRecent) return log.read(runId, after, batch);
    return readChunks(after, batch, (line, limit) => {
      const from = recent.findIndex((chunk) => line < chunk.firstLine + chunk.lineCount);
      return from === -1 ? [] : recent.slice(from, from + limit);
    });
  }

  return {
    read(runId, after) {
      const key = `${runId} ${after}`;
      const known = batches.get(key);
      if (known) return known;
      const entry = entryOf(runId);
      const reading = readNew(entry, runId, after);
      putBounded(batches, key, reading, MAX_BATCHES);
      // open until it is known to be cut by its limits
      entry.open.add(key);
      reading.then(
        ({ isCut }) => {
          if (isCut) entry.open.delete(key);
        },
        () => batches.delete(key),
      );
      return reading;
    },

    appended(runId, { firstLine, lineCount, bytes }) {
      const entry = entryOf(runId);
      dropOpen(entry);
      const last = entry.recent.at(-1);
      if (last && last.firstLine + last.lineCount !== firstLine) dropRecent(entry);
      entry.recent.push({ firstLine, lineCount, bytes: Buffer.from(bytes) });
      entry.recentBytes += bytes.length;
      while (entry.recentBytes > RECENT_BYTES) entry.recentBytes -= entry.recent.shift()?.bytes.length ?? 0;
    },

    changed(runId) {
      const entry = entries.get(runId);
      if (!entry) return;
      dropOpen(entry);
      dropRecent(entry);
    },

    forget(runId) {
      const entry = entries.get(runId);
      if (!entry) return;
      dropOpen(entry);
      entries.delete(runId);
    },
  };
}
