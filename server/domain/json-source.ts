import { endOfString } from './json-shape.ts';

/**
 * `JSON.parse` loses the spelling of numbers (`1.0`), duplicate keys, and the order of numeric keys. A value that must be passed
 * on exactly as written is traced back to its position in the text, lazily: the text is scanned only on request.
 */

/** The span of a value in valid JSON; `end` is exclusive. */
interface Place {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly ends: ContainerEnds;
}
/** Exclusive end offset of each array and object of a text, by its start offset. */
type ContainerEnds = ReadonlyMap<number, number>;
type Source = () => Place | null;
type Parts = ReadonlyMap<string, Place>;

const sources = new WeakMap<object, Source>();

/**
 * Remembers what `value` was parsed from.
 * @param text valid JSON
 * @param path keys that lead to the value in the text
 */
export function rememberSource(value: unknown, text: string, path: readonly string[] = []): void {
  if (!isContainer(value)) return;
  let parts = once(() => {
    const start = afterBlanks(text, text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0);
    const ends = findEnds(text, start);
    return { text, start, end: endOfValue(text, start, ends), ends };
  });
  for (const key of path) parts = partSource(parts, key);
  sources.set(value, parts);
}

/** Reads a member of a traced value and traces it, too. @returns undefined when there is no such member */
export function traceSource(value: unknown, key: string | number): unknown {
  if (!isContainer(value) || !Object.hasOwn(value, key)) return undefined;
  const part: unknown = (value as Record<string | number, unknown>)[key];
  const source = sources.get(value);
  if (source && isContainer(part)) sources.set(part, partSource(source, String(key)));
  return part;
}

/** The JSON text of a traced value, with numbers, keys and their order as written; null when it was never traced. */
export function sourceTextOf(value: object): string | null {
  const place = sources.get(value)?.() ?? null;
  return place && compacted(place);
}

/** Caches the members of each span that has been scanned. */
const partsOf = new WeakMap<Place, Parts>();

function partSource(source: Source, key: string): Source {
  return once(() => {
    const place = source();
    if (place === null) return null;
    const parts = partsOf.get(place) ?? findParts(place);
    partsOf.set(place, parts);
    return parts.get(key) ?? null;
  });
}

function once(find: Source): Source {
  let found: Place | null | undefined;
  return () => {
    if (found === undefined) found = find();
    return found;
  };
}

const BYTE_ORDER_MARK = 0xfeff;
const QUOTE = 34;
const COMMA = 44;
const OPENING_BRACKET = 91;
const CLOSING_BRACKET = 93;
const OPENING_BRACE = 123;
const CLOSING_BRACE = 125;

/** Members by key or index. The last of several equal keys wins, as in `JSON.parse`. */
function findParts({ text, start, end, ends }: Place): Parts {
  const parts = new Map<string, Place>();
  const isList = text.charCodeAt(start) === OPENING_BRACKET;
  for (let at = afterBlanks(text, start + 1), index = 0; at < end - 1; index += 1) {
    let key = String(index);
    if (!isList) {
      const keyEnd = endOfString(text, at) + 1;
      key = JSON.parse(text.slice(at, keyEnd));
      at = afterBlanks(text, afterBlanks(text, keyEnd) + 1);
    }
    const partEnd = endOfValue(text, at, ends);
    parts.set(key, { text, start: at, end: partEnd, ends });
    // past the comma or the closing bracket
    at = afterBlanks(text, afterBlanks(text, partEnd) + 1);
  }
  return parts;
}

/** One scan for the whole text; otherwise each level would rescan everything nested inside it. */
function findEnds(text: string, from: number): ContainerEnds {
  const ends = new Map<number, number>();
  const open: number[] = [];
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPENING_BRACKET || code === OPENING_BRACE) open.push(at);
    else if (code === CLOSING_BRACKET || code === CLOSING_BRACE) ends.set(open.pop() ?? from, at + 1);
  }
  return ends;
}

function endOfValue(text: string, start: number, ends: ContainerEnds): number {
  if (text.charCodeAt(start) === QUOTE) return endOfString(text, start) + 1;
  const end = ends.get(start);
  if (end !== undefined) return end;
  let at = start;
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at += 1;
  return at;
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSING_BRACKET || code === CLOSING_BRACE || isBlank(code);
}

/** Strips blanks and needless escapes: the size limit must not depend on whether a client escapes non-ASCII text. */
function compacted({ text, start, end }: Place): string {
  const kept: string[] = [];
  let from = start;
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const stringEnd = endOfString(text, at) + 1;
      const string = text.slice(at, stringEnd);
      if (string.includes('\\')) {
        kept.push(text.slice(from, at), JSON.stringify(JSON.parse(string)));
        from = stringEnd;
      }
      at = stringEnd - 1;
    } else if (isBlank(code)) {
      kept.push(text.slice(from, at));
      from = afterBlanks(text, at);
      at = from - 1;
    }
  }
  kept.push(text.slice(from, end));
  return kept.join('');
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
