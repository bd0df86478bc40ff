import { createSlices } from '../domain/long-work.ts';
import type { OutboxStore } from '../storage/storage.ts';

/** Delivers facts to the configured channels. There are none yet, so facts are dropped. */
export interface OutboxReader {
  /** Processes due facts. Safe to call on several nodes at once: the store gives each fact to one. */
  read(): Promise<void>;
}

export interface OutboxReaderOptions {
  readonly outbox: OutboxStore;
  readonly workerId: string;
  /** How long delivering a batch may take before another node delivers it again. */
  readonly leaseMs: number;
  now(): Date;
}

/** Facts claimed at once: about a millisecond on SQLite. */
const BATCH = 100;
/** The rest waits for the next call: others share the sweep. */
const MAX_BATCHES = 1_000;

export function createOutboxReader({ outbox, workerId, leaseMs, now }: OutboxReaderOptions): OutboxReader {
  return {
    async read() {
      const slices = createSlices();
      for (let batches = 0; batches < MAX_BATCHES; batches += 1) {
        const at = now();
        const rows = await outbox.claim(workerId, BATCH, new Date(at.getTime() + leaseMs), at);
        await outbox.remove(rows.map(({ id }) => id));
        if (rows.length < BATCH) return;
        await slices.pause();
      }
    },
  };
}
