import type { Change } from './storage.ts';

/** Notifies every listener, even after one throws: a defect in one must not make the others miss a change. */
export function notifyListeners(listeners: Iterable<(change: Change) => void>, change: Change): void {
  for (const listener of [...listeners]) {
    try {
      listener(change);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error), 'ListenerFailed');
    }
  }
}
