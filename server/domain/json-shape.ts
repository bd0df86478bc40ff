/** Limits on the shape of a JSON text; strings may have any length. */
export interface JsonLimits {
  readonly values: number;
  readonly depth: number;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;

/**
 * Checks JSON text before it is parsed: parsing and traversing hundreds of thousands of small values is slow,
 * while one long string is cheap. Invalid JSON is left to the parser to refuse.
 * @returns which limit is exceeded, as a sentence; null: none
 */
export function jsonShapeFault(text: string, limits: JsonLimits): string | null {
  let values = 1;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case 91: // [
      case 123: // {
        depth += 1;
        values += 1;
        if (depth > limits.depth) return `The JSON is nested more than ${limits.depth} deep.`;
        break;
      case 93: // ]
      case 125: // }
        depth -= 1;
        break;
      case COMMA:
        values += 1;
        break;
    }
    if (values > limits.values) return `The JSON has more than ${limits.values} values.`;
  }
  return null;
}

/** Offset of the closing quote of the string that starts at `from`, or the end of the text. */
export function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at += 1;
  }
  return text.length;
}

/**
 * Splits JSON text into parts of at least this length. Each part ends after a comma between two values, so it
 * never splits a string or a key.
 */
export function* partsOfJson(text: string, length: number): Generator<string> {
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COMMA && at + 1 - from >= length) {
      yield text.slice(from, at + 1);
      from = at + 1;
    }
  }
  yield text.slice(from);
}
