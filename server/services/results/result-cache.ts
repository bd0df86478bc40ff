import { createSlices } from '../../domain/long-work.ts';
import { createRunResults, type RunResults } from '../../domain/results/run-results.ts';
import { isFinished, type RunSummary } from '../../domain/runs/run.ts';
import type { StoredLog } from '../logs/stored-log.ts';

/** The results of runs that were asked for lately, kept up to date from the stream `events`. */
export interface ResultCache {
  /** The results of a run as they are stored now. @param run as it was before: nothing follows if it had ended */
  upToDate(run: Pick<RunSummary, 'id' | 'status'>): Promise<RunResults>;
}

/** Events of all runs together; a result takes about 60 bytes. */
const MAX_EVENTS = 1_000_000;
const BATCH = { maxLines: 2_000, maxBytes: 262_144 };

interface Entry {
  readonly results: RunResults;
  /** One reader at a time takes what is new. */
  reading: Promise<void>;
  /** Begins when that is done, for all who ask meanwhile; null: nobody asks. */
  next: Promise<void> | null;
  isComplete: boolean;
}

export function createResultCache(log: Pick<StoredLog, 'read'>): ResultCache {
  /** The one that was asked for last is the last. */
  const entries = new Map<string, Entry>();

  function take(runId: string): Entry {
    const entry = entries.get(runId) ?? {
      results: createRunResults(),
      reading: Promise.resolve(),
      next: null,
      isComplete: false,
    };
    entries.delete(runId);
    entries.set(runId, entry);
    return entry;
  }

  async function readNew(runId: string, { results }: Entry): Promise<void> {
    const slices = createSlices();
    for (;;) {
      const { firstLine, lineCount, text, isCut } = await log.read(runId, results.lines, BATCH);
      if (lineCount > 0) results.push(firstLine, text.split('\n'));
      if (lineCount === 0 || !isCut) return;
      await slices.pause();
    }
  }

  function forgetOld(): void {
    let events = 0;
    for (const { results } of entries.values()) events += results.lines;
    for (const [runId, { results }] of entries) {
      if (events <= MAX_EVENTS || entries.size === 1) return;
      entries.delete(runId);
      events -= results.lines;
    }
  }

  return {
    async upToDate({ id, status }) {
      const entry = take(id);
      if (entry.isComplete) return entry.results;
      entry.next ??= entry.reading.then(() => {
        entry.next = null;
        const reading = readNew(id, entry);
        // whoever waits for this one learns of its failure, the next one tries again
        entry.reading = reading.catch(() => undefined);
        return reading;
      });
      await entry.next;
      if (isFinished(status)) {
        entry.results.end();
        // a lost run may go on
        entry.isComplete = status !== 'lost';
      }
      forgetOld();
      return entry.results;
    },
  };
}
