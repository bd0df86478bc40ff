import { setImmediate as nextRound } from 'node:timers/promises';

/** Work on a longer text takes some ms of the event loop. */
const LONG_TEXT = 16_384;

/** Lets whatever waits for the event loop go first, where what is to be done with the text takes long; else at once. */
export async function pauseBefore(text: string): Promise<void> {
  if (text.length > LONG_TEXT) await nextRound();
}

/** The event loop has other work: so long one turn may take. */
const SLICE_MS = 5;

/** Work that is done in slices; between them the event loop turns. */
export interface Slices {
  /** To be awaited after each piece of work: waits for the next turn once this one has lasted long enough. */
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
