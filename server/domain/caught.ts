/** Describes caught values: anything can be thrown. */

/** The error's message, or the value as a string. */
export function messageOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}

/** The code of a system or SQLite error, e.g. "ENOENT"; undefined when it has none. */
export function codeOf(caught: unknown): string | undefined {
  return caught instanceof Error && 'code' in caught ? String(caught.code) : undefined;
}
