/**
 * Control and format characters (C0, C1, bidi controls, zero-width, line separators, lone surrogates) and
 * letters without a visible glyph. Variation selectors are not included: they select the glyph of the
 * preceding character.
 */
export const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/u;

/**
 * Finds a character in a user-entered name that is invisible or rearranges its neighbours: it could make two
 * names look alike, or a name look like something else.
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
function codePointName(code: number): string {
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}
