import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../domain/caught.ts';
import type { SqliteTimings } from '../../timings.ts';

/**
 * The same store, with its methods retried while another program (a backup, a shell) locks the file. Unlike
 * waiting inside SQLite, this keeps the event loop free. Rejects with the driver's error when it takes too
 * long.
 */
export function retryWhileBusy<Store extends object>(store: Store, timings: SqliteTimings): Store {
  return Object.fromEntries(
    Object.entries(store).map(([name, member]) => [
      name,
      typeof member === 'function'
        ? (...args: unknown[]) => tryUntilFree(() => member(...args), timings)
        : member,
    ]),
  ) as Store;
}

async function tryUntilFree<T>(work: () => T | Promise<T>, timings: SqliteTimings): Promise<T> {
  const deadline = performance.now() + timings.busyGiveUpMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await delay(timings.busyRetryMs);
    }
  }
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error) ?? '');
}
