import { InvalidInputError } from '../errors.ts';

/** What to look for in a log. */
export interface LogQuery {
  /** 1 to 1,000 characters. */
  readonly text: string;
  /** Whether the text is a regular expression, as in JavaScript; it is matched within single lines. */
  readonly isRegex: boolean;
  readonly isCaseSensitive: boolean;
}

/** A line that matches. */
export interface LogMatch {
  readonly line: number;
  /** As a reader sees it, cut at 1,000 characters around the match. */
  readonly text: string;
  /** Of the first match in the line, in UTF-16 units of `text`. */
  readonly start: number;
  readonly end: number;
}

/** A query in the form that a search thread takes. */
export interface LogPattern {
  readonly source: string;
  readonly flags: string;
  /** The text that the pattern finds; null: it is a regular expression of the caller. */
  readonly text: string | null;
}

const MAX_TEXT = 1_000;
const IS_ASCII = /^[ -~]*$/;
/** Errors that more text might mend: what is wrong lies before the end of the pattern. */
const UNFINISHED = /unterminated|incomplete|at end of pattern|lone quantifier/i;

/** @throws {InvalidInputError} when the text is empty or too long, or no regular expression */
export function patternOf({ text, isRegex, isCaseSensitive }: LogQuery): LogPattern {
  if (text.length < 1 || text.length > MAX_TEXT)
    throw invalid(`The text has ${text.length} characters; expected 1 to ${MAX_TEXT}.`, null);
  const flags = isCaseSensitive ? '' : 'i';
  if (!isRegex)
    return {
      source: text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'),
      // "u" also folds the case of characters beyond the basic plane, at half the speed
      flags: IS_ASCII.test(text) ? flags : `${flags}u`,
      text,
    };
  try {
    return { source: new RegExp(text, flags).source, flags, text: null };
  } catch (error) {
    const reason = reasonOf(error);
    throw invalid(`It is no regular expression (${reason}).`, positionOfFault(text, flags));
  }
}

/** 0-based offset of the character at which the pattern becomes invalid; its length when something is missing. */
function positionOfFault(text: string, flags: string): number {
  for (let length = 1; length < text.length; length += 1) {
    try {
      new RegExp(text.slice(0, length), flags);
    } catch (error) {
      if (!UNFINISHED.test(reasonOf(error))) return length - 1;
    }
  }
  try {
    new RegExp(text, flags);
  } catch (error) {
    if (!UNFINISHED.test(reasonOf(error))) return text.length - 1;
  }
  return text.length;
}

/** "Invalid regular expression: /(/: Unterminated group" → "Unterminated group". */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  return message.slice(message.lastIndexOf(': ') + 2);
}

export function invalid(message: string, position: number | null): InvalidInputError {
  return new InvalidInputError([{ path: ['text'], message, position }]);
}
