import type { OutboxRow } from '../domain/facts.ts';
import { createSlices } from '../domain/long-work.ts';
import type { OutboxStore } from '../storage/storage.ts';

/** Hands facts on to be told of. */
export interface OutboxReader {
  /** Processes due facts. Safe to call on several nodes at once: the store gives each fact to one. */
  read(): Promise<void>;
}

export interface OutboxReaderOptions {
  readonly outbox: OutboxStore;
  readonly workerId: string;
  /** How long handling a batch may take before another node handles it again. */
  readonly leaseMs: number;
  /** Handles facts; those of a batch that it rejects are handled again when the lease ends. */
  handle(rows: readonly OutboxRow[]): Promise<void>;
  now(): Date;
}

/** Facts claimed at once: about a millisecond on SQLite. */
const BATCH = 100;
/** The rest waits for the next call: messages wait to be sent. */
const MAX_BATCHES = 1_000;

export function createOutboxReader(options: OutboxReaderOptions): OutboxReader {
  const { outbox, workerId, leaseMs, now } = options;
  return {
    async read() {
      const slices = createSlices();
      for (let batches = 0; batches < MAX_BATCHES; batches += 1) {
        const at = now();
        const rows = await outbox.claim(workerId, BATCH, new Date(at.getTime() + leaseMs), at);
        await options.handle(rows);
        await outbox.remove(rows.map(({ id }) => id));
        if (rows.length < BATCH) return;
        await slices.pause();
      }
    },
  };
}
