/**
 * Control and format characters (C0, C1, bidi controls, zero-width, line separators, halves of a pair) and letters that are
 * drawn as nothing. Variation selectors are left out: they choose the look of the character before them.
 */
export const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/u;

/**
 * Where a name that users type has a character that is not seen, or that moves what stands beside it: two names would look
 * alike, or one like what it is not.
 * @returns its position in UTF-16 units; -1 when there is none
 */
export function findInvisible(text: string): number {
  return text.search(INVISIBLE);
}

/** E.g. "U+202E", for the character that begins at `position`. */
export function codePointAt(text: string, position: number): string {
  return codePointName(text.codePointAt(position) ?? 0);
}

/** E.g. "U+202E". */
export function codePointName(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
