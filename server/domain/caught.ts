/** What there is to say of something that was caught: anything can be thrown. */

/** Its message, or what it reads as. */
export function messageOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught);
}

/** The code of an error of the system or of SQLite, e.g. "ENOENT"; undefined when it has none. */
export function codeOf(caught: unknown): string | undefined {
  return caught instanceof Error && 'code' in caught ? String(caught.code) : undefined;
}
