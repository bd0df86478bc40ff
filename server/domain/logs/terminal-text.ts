import { bidiName, isBidiControl, isControl, isPlain, sequenceEnd } from '../../../shared/visible-line.mjs';

const ESC = 0x1b;
const CSI = 0x9b;

/**
 * Makes a log safe for a terminal: strips every sequence that it would obey (titles, hyperlinks, clipboard,
 * cursor movement, overwriting), except colours on request. Replaces bidi controls, which would reorder a
 * line on display, by their names, e.g. "<U+202E>". Line boundaries are kept.
 * @param hasColors whether to pass on SGR sequences (colours and weights)
 */
export function terminalText(text: string, hasColors: boolean): string {
  if (isPlain(text)) return text;
  let result = '';
  /** Start of the pending text to be copied unchanged. */
  let from = 0;
  const skip = (at: number, next: number, instead = '') => {
    if (at > from) result += text.slice(from, at);
    result += instead;
    from = next;
    return next;
  };
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === ESC || code === CSI) {
      const end = sequenceEnd(text, at);
      at = hasColors && isSgr(text, at, end) ? end : skip(at, end);
    } else if (isControl(code)) at = skip(at, at + 1);
    else at = isBidiControl(code) ? skip(at, at + 1, bidiName(code)) : at + 1;
  }
  return result + text.slice(from);
}

function isSgr(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start) !== ESC || text[end - 1] !== 'm' || text[start + 1] !== '[') return false;
  for (let at = start + 2; at < end - 1; at += 1)
    // digits, ":" and ";"
    if (!isIn(text.charCodeAt(at), 0x30, 0x3b)) return false;
  return true;
}

const isIn = (code: number, low: number, high: number) => code >= low && code <= high;
