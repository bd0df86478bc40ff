import { setTimeout as delay } from 'node:timers/promises';
import type { RunTimings } from '../timings.ts';

/**
 * Retries until it succeeds: a request must survive a database outage. Rejects only when `signal` aborts while
 * it waits for the next try.
 * @param slowestRetryMs each wait is twice the previous one, up to this
 */
export async function retryUntilAborted<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onError: (error: unknown) => void,
  { retryMs, slowestRetryMs = retryMs }: Pick<RunTimings, 'retryMs'> & Partial<RunTimings>,
): Promise<T> {
  for (let waitMs = retryMs; ; waitMs = Math.min(2 * waitMs, slowestRetryMs)) {
    try {
      return await work();
    } catch (error) {
      onError(error);
      await delay(waitMs, undefined, { signal });
    }
  }
}

/**
 * Resolves when the work is done, or when its first try has failed; then keeps retrying until `signal` aborts.
 * Never rejects.
 */
export function retryInBackground(
  work: () => Promise<void>,
  signal: AbortSignal,
  onError: (error: unknown) => void,
  { retryMs, slowestRetryMs }: RunTimings,
): Promise<void> {
  return new Promise((resolve) => {
    const reportAndGoOn = (error: unknown) => {
      onError(error);
      resolve();
    };
    retryUntilAborted(work, signal, reportAndGoOn, { retryMs, slowestRetryMs }).then(resolve, resolve);
  });
}
