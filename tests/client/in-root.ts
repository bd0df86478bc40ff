import { createRoot } from 'solid-js';
import { onTestFinished } from 'vitest';

/** Does the work in a root of its own, which is disposed of when the test ends. */
export function inRoot<T>(work: () => T): T {
  return createRoot((dispose) => {
    onTestFinished(dispose);
    return work();
  });
}
