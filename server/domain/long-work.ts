import { setImmediate as nextRound } from 'node:timers/promises';

/** Processing a longer text occupies the event loop for milliseconds. */
const LONG_TEXT = 16_384;

/** Yields to the event loop before work on a long text; returns at once for a short one. */
export async function pauseBefore(text: string): Promise<void> {
  if (text.length > LONG_TEXT) await nextRound();
}

/** Longest stretch of work before the event loop gets a turn. */
const SLICE_MS = 5;

/** Splits work into slices, between which the event loop runs. */
export interface Slices {
  /** Await this after each piece of work; it yields once the current slice is used up. */
  pause(): Promise<void> | undefined;
}

export function createSlices(): Slices {
  let end = performance.now() + SLICE_MS;
  return {
    pause() {
      if (performance.now() < end) return undefined;
      return nextRound().then(() => {
        end = performance.now() + SLICE_MS;
      });
    },
  };
}
