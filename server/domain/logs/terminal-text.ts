import { codePointName } from '../invisible.ts';

const ESC = 0x1b;
const BEL = 0x07;
const TAB = 0x09;
const NEWLINE = 0x0a;
const CSI = 0x9b;
const ST = 0x9c;
/** Characters that need treatment: control characters except tab and newline, and bidi controls. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const SPECIAL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const BIDI_NAMES: ReadonlyMap<number, string> = new Map(
  [0x061c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069].map(
    (code) => [code, `<${codePointName(code)}>`],
  ),
);

/**
 * Makes a log safe for a terminal: strips every sequence that it would obey (titles, hyperlinks, clipboard,
 * cursor movement, overwriting), except colours on request. Replaces bidi controls, which would reorder a
 * line on display, by their names, e.g. "<U+202E>". Line boundaries are kept.
 * @param hasColors whether to pass on SGR sequences (colours and weights)
 */
export function terminalText(text: string, hasColors: boolean): string {
  if (!SPECIAL.test(text)) return text;
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
    else {
      const name = code < 0x061c ? undefined : BIDI_NAMES.get(code);
      at = name === undefined ? at + 1 : skip(at, at + 1, name);
    }
  }
  return result + text.slice(from);
}

/**
 * Index after the escape sequence (ECMA-48) at `start`; if it is unterminated in its line, after its first
 * character.
 */
function sequenceEnd(text: string, start: number): number {
  const isCsi = text.charCodeAt(start) === CSI;
  const kind = isCsi ? '[' : text[start + 1];
  const body = start + (isCsi ? 1 : 2);
  if (kind === '[') {
    const parameters = skipRange(text, body, 0x30, 0x3f);
    const final = skipRange(text, parameters, 0x20, 0x2f);
    return isIn(text.charCodeAt(final), 0x40, 0x7e) ? final + 1 : start + 1;
  }
  if (kind !== undefined && ']PX^_'.includes(kind)) return stringEnd(text, body) ?? start + 1;
  const final = skipRange(text, start + 1, 0x20, 0x2f);
  return isIn(text.charCodeAt(final), 0x30, 0x7e) ? final + 1 : start + 1;
}

/**
 * Index after the BEL or ST that terminates a string such as a title; null when the line ends or another
 * sequence begins first.
 */
function stringEnd(text: string, from: number): number | null {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BEL || code === ST) return at + 1;
    if (code === ESC) return text[at + 1] === '\\' ? at + 2 : null;
    if (code === NEWLINE) return null;
  }
  return null;
}

function isSgr(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start) !== ESC || text[end - 1] !== 'm' || text[start + 1] !== '[') return false;
  for (let at = start + 2; at < end - 1; at += 1)
    // digits, ":" and ";"
    if (!isIn(text.charCodeAt(at), 0x30, 0x3b)) return false;
  return true;
}

function skipRange(text: string, from: number, low: number, high: number): number {
  let at = from;
  while (isIn(text.charCodeAt(at), low, high)) at += 1;
  return at;
}

const isIn = (code: number, low: number, high: number) => code >= low && code <= high;

function isControl(code: number): boolean {
  return (code < 0x20 && code !== TAB && code !== NEWLINE) || isIn(code, 0x7f, 0x9f);
}
