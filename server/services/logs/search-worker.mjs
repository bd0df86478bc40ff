import { parentPort } from 'node:worker_threads';
import { inflateRawSync } from 'node:zlib';
import { visibleText } from '../../../shared/visible-line.mjs';

/**
 * Searches pieces of a log in a thread of its own: the pattern of a caller may take any time, and then the thread
 * is ended. Each piece is answered in turn, with how many of its lines match and the first matches asked for.
 */

/** Of the text shown around a match, in UTF-16 units. */
const MAX_SHOWN = 1_000;
/** Shown before a match, where the line is longer. */
const SHOWN_BEFORE = 200;

/** @type {RegExp} */
let pattern = /(?!)/;
let literal = '';
let isExact = true;
/** Length of the text that the pattern finds as it is, so that lines need not be looked at; null: it is a pattern. */
let literalLength = null;

parentPort?.on('message', (message) => {
  try {
    if (message.kind === 'begin') begin(message);
    else parentPort?.postMessage(searchPiece(message));
  } catch (error) {
    parentPort?.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});

function begin({ source, flags, text }) {
  pattern = new RegExp(source, text === null ? flags : `${flags}g`);
  literalLength = text?.length ?? null;
  isExact = !flags.includes('i');
  literal = text ?? '';
}

/** Finds the lines from number `from` to number `to` that match. */
function searchPiece({ firstLine, from, to, bytes, isDeflated, wanted }) {
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = visibleText((isDeflated ? inflateRawSync(packed) : packed).toString('utf8'));
  return literalLength === null
    ? searchLines(text, firstLine, from, to, wanted)
    : searchText(text, literalLength, firstLine, from, to, wanted);
}

/** Where the text is found next. */
function find(text, from) {
  if (isExact) return text.indexOf(literal, from);
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}

/** Jumps from match to match. */
function searchText(text, length, firstLine, from, to, wanted) {
  const matches = [];
  let count = 0;
  let line = firstLine;
  let start = 0;
  for (; line < from; line += 1) start = text.indexOf('\n', start) + 1;
  for (let found = find(text, start); found !== -1; ) {
    for (let newline = text.indexOf('\n', start); newline !== -1 && newline < found; ) {
      start = newline + 1;
      line += 1;
      newline = text.indexOf('\n', start);
    }
    if (line > to) break;
    const newline = text.indexOf('\n', found);
    const end = newline === -1 ? text.length : newline;
    if (found + length <= end) {
      count += 1;
      if (matches.length < wanted)
        matches.push(shownMatch(line, text.slice(start, end), found - start, length));
    }
    if (newline === -1) break;
    start = newline + 1;
    line += 1;
    found = find(text, start);
  }
  return { count, matches };
}

/** Line by line: a pattern must not match across lines. */
function searchLines(text, firstLine, from, to, wanted) {
  const matches = [];
  let count = 0;
  let line = firstLine;
  for (let start = 0; start <= text.length && line <= to; line += 1) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    if (line >= from) {
      const shown = text.slice(start, end);
      if (pattern.test(shown)) {
        count += 1;
        if (matches.length < wanted) {
          const found = pattern.exec(shown);
          matches.push(shownMatch(line, shown, found?.index ?? 0, found?.[0].length ?? 0));
        }
      }
    }
    start = end + 1;
  }
  return { count, matches };
}

function shownMatch(line, text, start, length) {
  const from = Math.max(0, Math.min(start - SHOWN_BEFORE, text.length - MAX_SHOWN));
  const shown = text.length <= MAX_SHOWN ? text : text.slice(from, from + MAX_SHOWN);
  const offset = text.length <= MAX_SHOWN ? 0 : from;
  const begin = start - offset;
  return { line, text: shown.toWellFormed(), start: begin, end: Math.min(begin + length, shown.length) };
}
