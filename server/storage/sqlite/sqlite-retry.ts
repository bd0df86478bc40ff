import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../domain/caught.ts';

/** Between two tries; the event loop is free meanwhile, which it would not be if SQLite waited. */
const RETRY_MS = 50;
const GIVE_UP_MS = 10_000;

/**
 * The same store, whose methods are tried again while another program (a backup, a shell) holds the file locked.
 * Rejects with the driver's error after 10 s.
 */
export function retryWhileBusy<Store extends object>(store: Store): Store {
  return Object.fromEntries(
    Object.entries(store).map(([name, member]) => [
      name,
      typeof member === 'function' ? (...args: unknown[]) => tryUntilFree(() => member(...args)) : member,
    ]),
  ) as Store;
}

async function tryUntilFree<T>(work: () => T | Promise<T>): Promise<T> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error) ?? '');
}
