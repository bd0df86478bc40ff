import type { PlaybookVerdict } from '../domain/playbooks/playbook-check.ts';

/** What reads one file after the other: a process or a thread. */
export interface Engine {
  /** Null: it ended before it had an answer, for the time or memory that this took. */
  ask(bytes: Buffer): Promise<PlaybookVerdict | null>;
  /** Whether it can be asked again. */
  isAlive(): boolean;
  end(): void;
}

const MAX_WAIT_MS = 5_000;
const IDLE_MS = 30_000;
/** Files that wait are kept in memory. */
const MAX_WAITING_BYTES = 32 * 1_048_576;

/** Reads one file at a time, with an engine that is started when it is needed and ended when it has been idle for a while. */
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
        // the machine may have been busy: what took long by the clock may not next time
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
