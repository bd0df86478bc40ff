import { statSync } from 'node:fs';

/** File systems record change times to within a few ms, some to within 2 s. */
const CLOCK_STEP_MS = 2_500;

/**
 * Identifies a state of a file: the same stamp means the same bytes in the same file. Follows symlinks; the
 * target's inode is part of the stamp.
 * @returns null when the file is missing, or changed so recently that another change could get the same stamp
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
