/**
 * What a reader sees of a log: one definition for searching on the server and for the viewer. Plain JavaScript,
 * because a worker thread loads it as it is.
 */

const ESC = 0x1b;
const BEL = 0x07;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const TAB = 0x09;
const CSI = 0x9b;
const ST = 0x9c;
/** Colours and weights, nearly all that Ansible writes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const SGR = /\u001b\[[0-9;:]{0,100}m/g;
/** Characters that a reader does not see as they are: controls except tab and newline, and bidi controls. */
const SPECIAL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Index of the first character at or after `from` that a reader does not see as it is; -1: there is none.
 * @param {string} text
 * @param {number} from
 * @returns {number}
 */
export function nextSpecial(text, from) {
  SPECIAL.lastIndex = from;
  return SPECIAL.exec(text)?.index ?? -1;
}

/**
 * Whether a reader sees the text, of one line or several, as it is.
 * @param {string} text
 */
export const isPlain = (text) => nextSpecial(text, 0) === -1;

/**
 * The visible text of whole lines, joined by "\n" as they were: without escape sequences and control characters;
 * bidi controls by name, e.g. "<U+202E>"; of what "\r" overwrote the last state that shows anything.
 * @param {string} text
 * @returns {string}
 */
export function visibleText(text) {
  if (isPlain(text)) return text;
  const plain = text.replace(SGR, '');
  return isPlain(plain) ? plain : plain.split('\n').map(visibleLine).join('\n');
}

/**
 * The visible text of one line.
 * @param {string} line
 * @returns {string}
 */
export function visibleLine(line) {
  if (isPlain(line)) return line;
  let state = '';
  let lastShown = '';
  for (let at = 0; at < line.length; ) {
    const code = line.charCodeAt(at);
    if (code === ESC || code === CSI) {
      at = sequenceEnd(line, at);
      continue;
    }
    if (code === CARRIAGE_RETURN) {
      if (state !== '') lastShown = state;
      state = '';
    } else if (isBidiControl(code)) state += bidiName(code);
    else if (!isControl(code)) state += line[at];
    at += 1;
  }
  return state === '' ? lastShown : state;
}

/**
 * Index after the escape sequence (ECMA-48) at `start`; if it is unterminated in its line, after its first
 * character.
 * @param {string} text
 * @param {number} start
 * @returns {number}
 */
export function sequenceEnd(text, start) {
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
 * @param {string} text
 * @param {number} from
 * @returns {number | null}
 */
function stringEnd(text, from) {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BEL || code === ST) return at + 1;
    if (code === ESC) return text[at + 1] === '\\' ? at + 2 : null;
    if (code === NEWLINE) return null;
  }
  return null;
}

/** @param {string} text @param {number} from @param {number} low @param {number} high */
function skipRange(text, from, low, high) {
  let at = from;
  while (isIn(text.charCodeAt(at), low, high)) at += 1;
  return at;
}

/** @param {number} code @param {number} low @param {number} high */
const isIn = (code, low, high) => code >= low && code <= high;

/**
 * C0, DEL and C1 controls, except tab and newline.
 * @param {number} code
 */
export const isControl = (code) =>
  (code < 0x20 && code !== TAB && code !== NEWLINE) || isIn(code, 0x7f, 0x9f);

/**
 * Whether the character reorders a line on screen.
 * @param {number} code
 */
export const isBidiControl = (code) =>
  code >= 0x061c &&
  (code === 0x061c || isIn(code, 0x200e, 0x200f) || isIn(code, 0x202a, 0x202e) || isIn(code, 0x2066, 0x2069));

/**
 * E.g. "<U+202E>".
 * @param {number} code
 */
export const bidiName = (code) => `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
