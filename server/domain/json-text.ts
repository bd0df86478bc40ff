/** A JSON value exactly as written: numbers as text, keys in order and with duplicates. */
export type JsonNode =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'number'; readonly source: string }
  | { readonly kind: 'word'; readonly source: 'true' | 'false' | 'null' }
  | { readonly kind: 'list'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly entries: readonly JsonEntry[] };
export type JsonEntry = readonly [key: string, value: JsonNode];
export type JsonObject = Extract<JsonNode, { kind: 'object' }>;

/** The text is not valid JSON, or is nested too deep. */
export class JsonSyntaxError extends Error {
  /** 0-based offset of the fault. */
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.position = position;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** A string without escapes. */
const PLAIN_TEXT = /"([^"\\\p{Cc}]*)"/uy;
const WORDS = ['true', 'false', 'null'] as const;

/**
 * Keeps what `JSON.parse` loses: it rounds numbers and drops all but the last of duplicate keys.
 * @param maxDepth maximum nesting of lists and objects
 * @throws {JsonSyntaxError}
 */
export function parseJsonText(text: string, maxDepth: number): JsonNode {
  let at = 0;

  function fail(message: string, position = at): never {
    throw new JsonSyntaxError(message, position);
  }
  function skipBlanks(): void {
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1;
  }
  function expect(character: string, where: string): void {
    skipBlanks();
    if (text[at] !== character) fail(`Expected "${character}" ${where}.`);
    at += 1;
  }
  /** Consumes the next character if it is this one; returns whether it did. */
  function passes(character: string): boolean {
    skipBlanks();
    if (text[at] !== character) return false;
    at += 1;
    return true;
  }

  function readText(): string {
    PLAIN_TEXT.lastIndex = at;
    const plain = PLAIN_TEXT.exec(text)?.[1];
    if (plain !== undefined) {
      at += plain.length + 2;
      return plain;
    }
    const start = at;
    let end = start;
    do {
      end = text.indexOf('"', end + 1);
      if (end === -1) fail('A text has no end.', start);
    } while (isEscaped(text, end));
    at = end + 1;
    try {
      return JSON.parse(text.slice(start, at));
    } catch {
      return fail('A text has a control character or an escape that JSON does not know.', start);
    }
  }

  function readValue(depth: number): JsonNode {
    skipBlanks();
    if (depth > maxDepth) fail(`It is nested more than ${maxDepth} deep.`);
    switch (text[at]) {
      case '"':
        return { kind: 'text', value: readText() };
      case '[': {
        at += 1;
        const items: JsonNode[] = [];
        if (passes(']')) return { kind: 'list', items };
        do items.push(readValue(depth + 1));
        while (passes(','));
        expect(']', 'or "," in a list');
        return { kind: 'list', items };
      }
      case '{': {
        at += 1;
        const entries: JsonEntry[] = [];
        if (passes('}')) return { kind: 'object', entries };
        do {
          skipBlanks();
          if (text[at] !== '"') fail('Expected a key in double quotes.');
          const key = readText();
          expect(':', 'after a key');
          entries.push([key, readValue(depth + 1)]);
        } while (passes(','));
        expect('}', 'or "," in an object');
        return { kind: 'object', entries };
      }
    }
    NUMBER.lastIndex = at;
    const number = NUMBER.exec(text)?.[0];
    if (number !== undefined) {
      at += number.length;
      return { kind: 'number', source: number };
    }
    const word = WORDS.find((one) => text.startsWith(one, at));
    if (word === undefined) return fail('Expected a JSON value.');
    at += word.length;
    return { kind: 'word', source: word };
  }

  const value = readValue(0);
  skipBlanks();
  if (at < text.length) fail('Expected nothing more after the value.');
  return value;
}

/** Whether an odd number of backslashes stands before a quote. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote;
  while (text[at - 1] === '\\') at -= 1;
  return (quote - at) % 2 === 1;
}

/** A number may have been rounded by `JSON.parse`, so its original value is unknown. */
export class RoundedNumberError extends Error {}

/**
 * JSON text of a value produced by `JSON.parse`.
 * @throws {RoundedNumberError} when a number in it may differ from the one in the original text
 * @throws {RangeError} when it is nested too deep for the stack
 */
export function jsonTextOf(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'number' || (Math.abs(inner) <= Number.MAX_SAFE_INTEGER && !Object.is(inner, -0)))
      return inner;
    throw new RoundedNumberError(
      `A number in "extraVars" was rounded to ${Object.is(inner, -0) ? '-0' : inner} on its way; give the variables as text, in "extraVarsJson".`,
    );
  });
}
