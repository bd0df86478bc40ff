import { setTimeout as delay } from 'node:timers/promises';

const RETRY_MS = 1_000;

/**
 * Does it as often as it takes: what is asked of a database that is away must not be lost.
 * Rejects only when `signal` aborts while it waits for the next try.
 */
export async function surely<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      onError(error);
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}
