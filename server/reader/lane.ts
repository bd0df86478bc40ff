import type { PlaybookVerdict } from '../domain/playbooks/playbook-check.ts';

/** A process or thread that reads one file at a time. */
export interface Engine {
  /** Null: it ended without an answer, having used too much time or memory. */
  ask(bytes: Buffer): Promise<PlaybookVerdict | null>;
  /** Whether it can take another file. */
  isAlive(): boolean;
  end(): void;
}

const MAX_WAIT_MS = 5_000;
const IDLE_MS = 30_000;
/** Limit on waiting files, which are kept in memory. */
const MAX_WAITING_BYTES = 32 * 1_048_576;

/** Reads one file at a time, with an engine that is started on demand and ended when idle. */
export function createLane(start: () => Promise<Engine>): {
  read(bytes: Buffer): Promise<PlaybookVerdict>;
  close(): void;
} {
  let engine: Engine | null = null;
  let idle: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waitingBytes = 0;
  let isClosed = false;

  async function readNow(bytes: Buffer): Promise<PlaybookVerdict> {
    if (isClosed) return { kind: 'unknown' };
    clearTimeout(idle);
    try {
      if (!engine?.isAlive()) engine = await start();
      const asked = engine;
      let isLate = false;
      const late = setTimeout(() => {
        isLate = true;
        asked.end();
      }, MAX_WAIT_MS);
      try {
        // the machine may have been busy: wall-clock time alone does not make a file heavy
        return (await asked.ask(bytes)) ?? (isLate ? { kind: 'unknown' } : { kind: 'heavy' });
      } finally {
        clearTimeout(late);
      }
    } catch {
      return { kind: 'unknown' };
    } finally {
      idle = setTimeout(() => {
        engine?.end();
        engine = null;
      }, IDLE_MS);
      idle.unref();
      if (isClosed) engine?.end();
    }
  }

  return {
    async read(bytes) {
      if (waitingBytes + bytes.length > MAX_WAITING_BYTES) return { kind: 'unknown' };
      waitingBytes += bytes.length;
      const answer = last.then(() => readNow(bytes));
      last = answer;
      try {
        return await answer;
      } finally {
        waitingBytes -= bytes.length;
      }
    },
    close() {
      isClosed = true;
      clearTimeout(idle);
      engine?.end();
    },
  };
}
