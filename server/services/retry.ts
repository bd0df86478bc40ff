import { setTimeout as delay } from 'node:timers/promises';

const RETRY_MS = 1_000;
/** What may fail for another reason than the database, and for good, is tried less and less often. */
const SLOWEST_RETRY_MS = 60_000;

/**
 * Does it as often as it takes: what is asked of a database that is away must not be lost.
 * Rejects only when `signal` aborts while it waits for the next try.
 * @param slowestRetryMs up to which each wait is twice the one before it
 */
export async function retryUntilAborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onError: (error: unknown) => void,
  slowestRetryMs = RETRY_MS,
): Promise<T> {
  for (let waitMs = RETRY_MS; ; waitMs = Math.min(2 * waitMs, slowestRetryMs)) {
    try {
      return await work();
    } catch (error) {
      onError(error);
      await delay(waitMs, undefined, { signal });
    }
  }
}

/**
 * Resolves when it is done, or when the first try has failed; it is tried again then, until `signal` aborts.
 * Never rejects.
 */
export function retryInBackground(
  work: () => Promise<void>,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<void> {
  return new Promise((resolve) => {
    const reportAndGoOn = (error: unknown) => {
      onError(error);
      resolve();
    };
    retryUntilAborted(work, signal, reportAndGoOn, SLOWEST_RETRY_MS).then(resolve, resolve);
  });
}
