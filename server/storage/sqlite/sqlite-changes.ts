import { notifyListeners } from '../notify-listeners.ts';
import type { Change, ChangeFeed } from '../storage.ts';

/** There is only one process, so notifying its own listeners notifies all. */
export function createSqliteChanges(): ChangeFeed {
  const listeners = new Set<(change: Change) => void>();
  return {
    async publish(change) {
      notifyListeners(listeners, change);
    },
    listen(listener) {
      // a separate function, so that the same listener can be added twice
      const own = (change: Change) => listener(change);
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}
