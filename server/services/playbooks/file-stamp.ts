import { statSync } from 'node:fs';

/** File systems date a change to a few ms, some to 2 s. */
const CLOCK_STEP_MS = 2_500;

/**
 * What tells the file from any other state of it: the same stamp means the same bytes in the same file. Follows links: where
 * they lead is told by the file's own number.
 * @returns null when there is none, or when it was changed so lately that a change more could not be told from it
 */
export function stampOf(absolutePath: string): string | null {
  try {
    const info = statSync(absolutePath);
    if (Date.now() - Math.max(info.mtimeMs, info.ctimeMs) < CLOCK_STEP_MS) return null;
    return `${info.dev} ${info.ino} ${info.size} ${info.mtimeMs} ${info.ctimeMs}`;
  } catch {
    return null;
  }
}
