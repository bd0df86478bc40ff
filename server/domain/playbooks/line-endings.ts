/**
 * Restores the line endings of the text that an edited text is based on. Editors and GraphQL block strings
 * turn every line ending into "\n", so if the new text has no "\r" but the old one has, they were lost on the
 * way. Unchanged lines keep their own ending; new and changed ones get that of the preceding line. A text
 * that has a "\r" itself is returned as it is.
 */
export function keepLineEndings(before: string, after: string): string {
  if (!before.includes('\r') || after.includes('\r')) return after;
  const head = commonStart(before, after).lines;
  const tail = commonTail(before, after, head);
  const [old, edited] = [before.slice(head.before, tail.before), after.slice(head.after, tail.after)];
  const ending =
    /(\r\n|\r|\n)$/.exec(before.slice(Math.max(0, head.before - 2), head.before))?.[0] ?? firstEnding(before);
  const kept = before.slice(0, head.before) + keepEach(old, edited, ending) + before.slice(tail.before);
  // a kept CR followed by the LF of an empty line would merge into one CRLF
  return hasLinesOf(kept, after) ? kept : withEndings(after, firstEnding(before));
}

/** Whether a text equals one without any CR, ignoring line endings. */
function hasLinesOf(text: string, plain: string): boolean {
  const { end } = commonStart(text, plain);
  return end.before === text.length && end.after === plain.length;
}

const LF = 10;
const CR = 13;

/** Replaces each "\n" by another line ending. With many of them, `replaceAll` takes ten times as long. */
function withEndings(text: string, ending: string): string {
  if (ending === '\n') return text;
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += CHUNK) {
    const chunk = text.slice(at, at + CHUNK);
    parts.push(chunk.includes('\n') ? chunkWithEndings(chunk, ending.length) : chunk);
  }
  return parts.join('');
}

/** @param length length of the ending: 1 for CR, 2 for CRLF */
function chunkWithEndings(chunk: string, length: number): string {
  const units = new Uint16Array(chunk.length * length);
  let end = 0;
  for (let i = 0; i < chunk.length; i += 1) {
    const unit = chunk.charCodeAt(i);
    if (unit === LF) units[end++] = CR;
    if (unit !== LF || length === 2) units[end++] = unit;
  }
  return Buffer.from(units.buffer, 0, end * 2).toString('utf16le');
}

/** Corresponding offsets in the two texts. */
interface Place {
  readonly before: number;
  readonly after: number;
}

/** Equal text is skipped in chunks of this size. */
const CHUNK = 4_096;

/** How far both texts agree, ignoring line endings (`end`), and the end of the last line within that (`lines`). */
function commonStart(before: string, after: string): { readonly end: Place; readonly lines: Place } {
  let [lineBefore, lineAfter, at, i] = [0, 0, 0, 0];
  const found = () => ({ end: { before: at, after: i }, lines: { before: lineBefore, after: lineAfter } });
  while (i < after.length && at < before.length) {
    const chunk = before.slice(at, at + CHUNK);
    if (chunk === after.slice(i, i + CHUNK)) {
      const lines = chunk.lastIndexOf('\n') + 1;
      if (lines > 0) [lineBefore, lineAfter] = [at + lines, i + lines];
      at += chunk.length;
      i += chunk.length;
      continue;
    }
    const end = Math.min(i + CHUNK, after.length);
    for (; i < end && at < before.length; i += 1) {
      const unit = before.charCodeAt(at);
      const edited = after.charCodeAt(i);
      if (unit !== edited && (unit !== CR || edited !== LF)) return found();
      at += unit === CR && before.charCodeAt(at + 1) === LF ? 2 : 1;
      if (edited === LF) {
        lineBefore = at;
        lineAfter = i + 1;
      }
    }
  }
  return found();
}

/** Start of the common trailing lines; not before `head`. */
function commonTail(before: string, after: string, head: Place): Place {
  let [placeBefore, placeAfter] = [before.length, after.length];
  let [at, i] = [before.length, after.length];
  while (i > head.after && at > head.before) {
    const length = Math.min(CHUNK, at - head.before, i - head.after);
    const chunk = before.slice(at - length, at);
    if (chunk === after.slice(i - length, i)) {
      at -= length;
      i -= length;
      const line = chunk.indexOf('\n') + 1;
      if (line > 0) [placeBefore, placeAfter] = [at + line, i + line];
      if (line === 1 && before.charCodeAt(at - 1) === CR) at -= 1;
      continue;
    }
    const end = Math.max(i - CHUNK, head.after);
    for (; i > end && at > head.before; i -= 1) {
      const unit = before.charCodeAt(at - 1);
      const edited = after.charCodeAt(i - 1);
      if (unit !== edited && (unit !== CR || edited !== LF))
        return { before: placeBefore, after: placeAfter };
      if (edited === LF) {
        placeBefore = at;
        placeAfter = i;
      }
      at -= unit === LF && before.charCodeAt(at - 2) === CR ? 2 : 1;
    }
  }
  return i === head.after && at === head.before ? head : { before: placeBefore, after: placeAfter };
}

/** Length of the line ending at an offset; 0 when there is none. */
function endingAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit === CR) return text.charCodeAt(at + 1) === LF ? 2 : 1;
  return unit === LF ? 1 : 0;
}

function firstEnding(text: string): string {
  return /\r\n|\r|\n/.exec(text)?.[0] ?? '\n';
}

/** A longer change, or one with more lines, is not compared line by line. */
const MAX_COMPARED = { characters: 100_000, lines: 8_000 };
/** Total number of lines scanned for anchors: a round may find only one, which would make the search quadratic. */
const MAX_LOOKS = 40_000;

function keepEach(before: string, after: string, ending: string): string {
  const isLong = before.length + after.length > MAX_COMPARED.characters;
  if (isLong || countLines(before) + countLines(after) > MAX_COMPARED.lines)
    return withEndings(after, ending);
  const old = splitLines(before);
  const lines = after.split('\n');
  const matches = matchLines(old.lines, lines);
  let current = ending;
  const result: string[] = [];
  for (const [i, line] of lines.entries()) {
    current = old.endings[matches[i] ?? -1] ?? current;
    result.push(line, current);
  }
  return result.slice(0, -1).join('');
}

function countLines(text: string): number {
  let count = 1;
  for (let at = 0; at < text.length; at += endingAt(text, at) || 1) if (endingAt(text, at) > 0) count += 1;
  return count;
}

function splitLines(text: string): { lines: string[]; endings: string[] } {
  const parts = text.split(/(\r\n|\r|\n)/);
  return {
    lines: parts.filter((_, i) => i % 2 === 0),
    endings: parts.filter((_, i) => i % 2 === 1),
  };
}

interface Gap {
  readonly from: number;
  readonly to: number;
  readonly newFrom: number;
  readonly newTo: number;
}

/**
 * For each line of `after`, the index of the matching line of `before`; -1 for a new line. Lines keep their
 * order.
 */
function matchLines(before: readonly string[], after: readonly string[]): Int32Array {
  const matches = new Int32Array(after.length).fill(-1);
  let looks = 0;
  const gaps: Gap[] = [{ from: 0, to: before.length, newFrom: 0, newTo: after.length }];
  for (let gap = gaps.pop(); gap; gap = gaps.pop()) {
    let { from, to, newFrom, newTo } = gap;
    while (from < to && newFrom < newTo && before[from] === after[newFrom]) matches[newFrom++] = from++;
    while (from < to && newFrom < newTo && before[to - 1] === after[newTo - 1]) matches[--newTo] = --to;
    if (from === to || newFrom === newTo) continue;
    looks += to - from + newTo - newFrom;
    const anchors = looks > MAX_LOOKS ? [] : findAnchors(before, after, { from, to, newFrom, newTo });
    if (anchors.length === 0) {
      // presumably edited in place
      for (let i = 0; i < Math.min(to - from, newTo - newFrom); i += 1) matches[newFrom + i] = from + i;
      continue;
    }
    for (const [old, now] of [...anchors, [to, newTo] as const]) {
      gaps.push({ from, to: old, newFrom, newTo: now });
      if (old < to) matches[now] = old;
      [from, newFrom] = [old + 1, now + 1];
    }
  }
  return matches;
}

/**
 * Pairs of lines that are unique on both sides, in an order common to both: the anchors of a patience diff.
 */
function findAnchors(before: readonly string[], after: readonly string[], gap: Gap): [number, number][] {
  const once = (lines: readonly string[], from: number, to: number) => {
    const found = new Map<string, number>();
    for (let i = from; i < to; i += 1) found.set(lines[i] ?? '', found.has(lines[i] ?? '') ? -1 : i);
    return found;
  };
  const old = once(before, gap.from, gap.to);
  const pairs: [number, number][] = [];
  for (const [line, now] of once(after, gap.newFrom, gap.newTo)) {
    const at = old.get(line) ?? -1;
    if (now >= 0 && at >= 0) pairs.push([at, now]);
  }
  return longestIncreasing(pairs.sort((a, b) => a[1] - b[1]));
}

/** The longest subsequence of pairs with increasing first numbers. */
function longestIncreasing(pairs: readonly [number, number][]): [number, number][] {
  const tails: number[] = [];
  const previous: number[] = [];
  for (const [i, [value]] of pairs.entries()) {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairs[tails[middle] ?? 0]?.[0] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    previous[i] = tails[low - 1] ?? -1;
    tails[low] = i;
  }
  const result: [number, number][] = [];
  for (let i = tails.at(-1) ?? -1; i >= 0; i = previous[i] ?? -1) {
    const pair = pairs[i];
    if (pair) result.push(pair);
  }
  return result.reverse();
}
