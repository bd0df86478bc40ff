import { notifyListeners } from '../notify-listeners.ts';
import type { Change, ChangeFeed } from '../storage.ts';

/** There is one process only, so telling its own listeners is telling all. */
export function createSqliteChanges(): ChangeFeed {
  const listeners = new Set<(change: Change) => void>();
  return {
    async publish(change) {
      notifyListeners(listeners, change);
    },
    listen(listener) {
      // a function of its own, so that the same listener may listen twice
      const own = (change: Change) => listener(change);
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}
