import { setTimeout as delay } from 'node:timers/promises';

const RETRY_MS = 1_000;
/** What may never work is tried less and less often. */
const SLOWEST_RETRY_MS = 60_000;

/**
 * Does it as often as it takes: what is asked of a database that is away must not be lost.
 * Rejects only when `signal` aborts while it waits for the next try.
 * @param isPatient whether it may be another failure than the database's, which nobody will mend at once
 */
export async function surely<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onError: (error: unknown) => void,
  isPatient = false,
): Promise<T> {
  for (let waitMs = RETRY_MS; ; waitMs = isPatient ? Math.min(2 * waitMs, SLOWEST_RETRY_MS) : RETRY_MS) {
    try {
      return await work();
    } catch (error) {
      onError(error);
      await delay(waitMs, undefined, { signal });
    }
  }
}
