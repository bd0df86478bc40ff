import { setImmediate as nextRound } from 'node:timers/promises';

/** Work on a longer text takes some ms of the event loop. */
const LONG_TEXT = 16_384;

/** Lets whatever waits for the event loop go first, where what is to be done with the text takes long; else at once. */
export async function pauseBefore(text: string): Promise<void> {
  if (text.length > LONG_TEXT) await nextRound();
}
