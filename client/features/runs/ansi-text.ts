import { bidiName, isPlain, nextSpecial } from '../../../shared/visible-line.mjs';
import { type AnsiStyle, type Look, lookOf, PLAIN, styleAfter } from './ansi-style.ts';

/** A part of a line with a single style. */
export interface AnsiSpan extends Look {
  readonly text: string;
}

/** More parts than a reader can tell apart would make the page slow. */
const MAX_SPANS = 1_000;
const ESC = '\u001b';
const FIRST_BIDI = '\u061c';

/**
 * Splits a terminal line into styled parts. Of the escape sequences (ECMA-48), only colours and text styles have an effect;
 * titles, links, the clipboard, cursor movement and everything else are dropped. "\r" returns to the start of the line: only
 * the last state that shows something is shown. Bidi controls, which could reorder a line on screen, are shown as their
 * names. After 1,000 parts the rest has no style.
 * @param before the style that the lines before end with
 */
export function parseAnsi(line: string, before: AnsiStyle = PLAIN): AnsiSpan[] {
  if (isPlain(line)) return [{ text: line, ...lookOf(before) }];
  let style = before;
  let styled: { text: string; style: AnsiStyle }[] = [];
  let last = styled;
  scan(line, {
    onText(text) {
      const previous = styled.at(-1);
      if (previous && (previous.style === style || isSame(previous.style, style))) previous.text += text;
      else if (styled.length < MAX_SPANS) styled.push({ text, style });
      else if (styled.length === MAX_SPANS) styled.push({ text, style: PLAIN });
      else if (previous) previous.text += text;
    },
    onStyle: (parameters) => {
      style = styleAfter(style, parameters);
    },
    onReturn() {
      if (styled.length > 0) last = styled;
      styled = [];
    },
  });
  return (styled.length > 0 ? styled : last).map(({ text, style: own }) => ({ text, ...lookOf(own) }));
}

/** What a reader sees of the line, without its styles. */
export function plainText(line: string): string {
  if (isPlain(line)) return line;
  let text = '';
  let last = '';
  scan(line, {
    onText: (more) => {
      text += more;
    },
    onReturn() {
      if (text !== '') last = text;
      text = '';
    },
  });
  return text === '' ? last : text;
}

/** The style at the end of the text, which may have several lines. */
export function styleAtEnd(text: string, before: AnsiStyle): AnsiStyle {
  let style = before;
  for (let at = text.indexOf(ESC); at >= 0; ) {
    const end = escapeEnd(text, at);
    if (isStyle(text, at, end)) style = styleAfter(style, text.slice(at + 2, end - 1));
    at = text.indexOf(ESC, end);
  }
  return style;
}

interface Visitor {
  onText(text: string): void;
  onStyle?(parameters: string): void;
  /** The cursor goes back to the start of the line. */
  onReturn(): void;
}

function scan(line: string, visitor: Visitor): void {
  for (let from = 0; from < line.length; ) {
    const next = nextSpecial(line, from);
    const at = next === -1 ? line.length : next;
    if (at > from) visitor.onText(line.slice(from, at));
    const char = line[at] ?? '';
    from = at + 1;
    if (char === ESC) {
      from = escapeEnd(line, at);
      if (isStyle(line, at, from)) visitor.onStyle?.(line.slice(at + 2, from - 1));
    } else if (char === '\r') visitor.onReturn();
    else if (char >= FIRST_BIDI) visitor.onText(bidiName(char.charCodeAt(0)));
  }
}

function isStyle(text: string, start: number, end: number): boolean {
  return text[start + 1] === '[' && end > start + 2 && text[end - 1] === 'm';
}

function isSame(one: AnsiStyle, other: AnsiStyle): boolean {
  return (Object.keys(PLAIN) as (keyof AnsiStyle)[]).every((key) => one[key] === other[key]);
}

/** Index after the escape sequence that starts at `start`; it ends with its line at the latest. */
function escapeEnd(text: string, start: number): number {
  const kind = text[start + 1];
  if (kind === '\n') return start + 1;
  if (kind === '[') {
    // CSI: parameters, then one final byte
    for (let at = start + 2; at < text.length; at += 1) {
      const char = text[at] ?? '';
      if (char === '\n') return at;
      if (char >= '@' && char <= '~') return at + 1;
    }
    return text.length;
  }
  if (kind === ']' || kind === 'P' || kind === '^' || kind === '_' || kind === 'X') {
    // OSC, DCS, PM, APC, SOS: text up to BEL or ESC \
    for (let at = start + 2; at < text.length; at += 1) {
      if (text[at] === '\n') return at;
      if (text[at] === '\u0007') return at + 1;
      if (text[at] === ESC && text[at + 1] === '\\') return at + 2;
    }
    return text.length;
  }
  return Math.min(start + 2, text.length);
}
