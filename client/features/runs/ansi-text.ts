/** A part of a line with a single style. */
export interface AnsiSpan {
  readonly text: string;
  /** Class names; colours are mapped to the page's own, which are readable in both themes. */
  readonly className: string;
}

interface Style {
  color: number | null;
  isBold: boolean;
  isDim: boolean;
  isItalic: boolean;
  isUnderlined: boolean;
  isInverse: boolean;
}

const ESC = '\u001b';
const BIDI_CONTROL = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const PLAIN: Style = {
  color: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
  isInverse: false,
};

/**
 * Splits a terminal line into styled parts. Of the escape sequences (ECMA-48), only colours and text styles have an effect;
 * titles, links, the clipboard, cursor movement and everything else are dropped. "\r" returns to the start of the line: only
 * the last state is shown. Bidi controls, which could reorder a line on screen, are shown as their names.
 */
export function parseAnsi(line: string): AnsiSpan[] {
  const visible = lastState(line).replace(BIDI_CONTROL, nameOf);
  if (!hasControl(visible)) return [{ text: visible, className: '' }];
  const spans: AnsiSpan[] = [];
  let style = { ...PLAIN };
  let text = '';
  const flush = () => {
    if (text !== '') spans.push({ text, className: classOf(style) });
    text = '';
  };
  for (let at = 0; at < visible.length; ) {
    const char = visible[at] ?? '';
    if (char === ESC) {
      const end = escapeEnd(visible, at);
      if (visible[at + 1] === '[' && visible[end - 1] === 'm') {
        flush();
        style = applied(style, visible.slice(at + 2, end - 1));
      }
      at = end;
    } else {
      if (!isControl(char)) text += char;
      at += 1;
    }
  }
  flush();
  return spans;
}

/** E.g. "<U+202E>". */
function nameOf(char: string): string {
  return `<U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`;
}

/** The text without its styles. */
export function plainText(line: string): string {
  return parseAnsi(line)
    .map((span) => span.text)
    .join('');
}

/** The last state of a line that was redrawn, e.g. by a progress bar. */
function lastState(line: string): string {
  if (!line.includes('\r')) return line;
  const states = line.split('\r').filter((state) => state !== '');
  return states.at(-1) ?? '';
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (isControl(text[at] ?? '')) return true;
  return false;
}

/** C0, DEL and C1 controls, except the tab. */
function isControl(char: string): boolean {
  return (char < ' ' && char !== '\t') || (char >= '\u007f' && char <= '\u009f');
}

/** Index after the escape sequence that starts at `start`. */
function escapeEnd(text: string, start: number): number {
  const kind = text[start + 1];
  if (kind === '[') {
    // CSI: parameters, then one final byte
    let at = start + 2;
    while (at < text.length && !/[@-~]/.test(text[at] ?? '')) at += 1;
    return Math.min(at + 1, text.length);
  }
  if (kind === ']' || kind === 'P' || kind === '^' || kind === '_' || kind === 'X') {
    // OSC, DCS, PM, APC, SOS: text up to BEL or ESC \
    for (let at = start + 2; at < text.length; at += 1) {
      if (text[at] === '\u0007') return at + 1;
      if (text[at] === ESC && text[at + 1] === '\\') return at + 2;
    }
    return text.length;
  }
  return Math.min(start + 2, text.length);
}

/** Select Graphic Rendition. */
function applied(before: Style, parameters: string): Style {
  const style = { ...before };
  const codes = parameters.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.isBold = true;
    else if (code === 2) style.isDim = true;
    else if (code === 3) style.isItalic = true;
    else if (code === 4) style.isUnderlined = true;
    else if (code === 7) style.isInverse = true;
    else if (code === 22) Object.assign(style, { isBold: false, isDim: false });
    else if (code === 23) style.isItalic = false;
    else if (code === 24) style.isUnderlined = false;
    else if (code === 27) style.isInverse = false;
    else if (code >= 30 && code <= 37) style.color = code - 30;
    else if (code >= 90 && code <= 97) style.color = code - 82;
    else if (code === 39) style.color = null;
    else if (code === 38 || code === 48) {
      const isPalette = codes[at + 1] === 5;
      const color = isPalette
        ? fromPalette(codes[at + 2] ?? 0)
        : nearest(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0);
      // arbitrary background colours could make the text unreadable, so they are ignored
      if (code === 38) style.color = color;
      at += isPalette ? 2 : 4;
    }
  }
  return style;
}

/** Maps one of 256 colours to one of 16. */
function fromPalette(index: number): number {
  if (index < 16) return index;
  if (index >= 232) return index < 244 ? 8 : 7;
  const cube = index - 16;
  const level = (value: number) => value * 51;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

/** The one of the 16 colours with the closest hue. */
function nearest(red: number, green: number, blue: number): number {
  const top = Math.max(red, green, blue);
  if (top - Math.min(red, green, blue) < 32) return top < 128 ? 8 : 7;
  const isOn = (value: number) => value > top * 0.6;
  return Number(isOn(red)) + 2 * Number(isOn(green)) + 4 * Number(isOn(blue));
}

function classOf(style: Style): string {
  const names: string[] = [];
  if (style.color !== null) names.push(`a-${style.color}`);
  if (style.isBold) names.push('a-bold');
  if (style.isDim) names.push('a-dim');
  if (style.isItalic) names.push('a-italic');
  if (style.isUnderlined) names.push('a-underline');
  if (style.isInverse) names.push('a-inverse');
  return names.join(' ');
}
