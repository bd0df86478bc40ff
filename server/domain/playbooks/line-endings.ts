/**
 * Gives a text back the line endings of the text it was made from. Editors, and block strings of GraphQL, turn every line
 * ending into "\n": a text without any "\r" that replaces one with some has lost them on its way. Each line that is still
 * there keeps its own ending, a new or changed one takes that of the line before it. A text that has a "\r" itself knows
 * its line endings and stays as it is.
 */
export function keepLineEndings(before: string, after: string): string {
  if (!before.includes('\r') || after.includes('\r')) return after;
  if (!/(^|[^\r])\n|\r(?!\n)/.test(before)) return after.replaceAll('\n', '\r\n');
  const head = commonHead(before, after);
  const tail = commonTail(before, after, head);
  const [old, edited] = [before.slice(head.before, tail.before), after.slice(head.after, tail.after)];
  const ending =
    /(\r\n|\r|\n)$/.exec(before.slice(Math.max(0, head.before - 2), head.before))?.[0] ?? firstEnding(before);
  return before.slice(0, head.before) + keepEach(old, edited, ending) + before.slice(tail.before);
}

/** Two places that mean the same, one in each text. */
interface Place {
  readonly before: number;
  readonly after: number;
}

/** Where the lines that both texts begin with end. */
function commonHead(before: string, after: string): Place {
  let place: Place = { before: 0, after: 0 };
  let at = 0;
  for (let i = 0; i < after.length && at < before.length; i += 1) {
    const length = endingAt(before, at);
    if (length === 0 ? before[at] !== after[i] : after[i] !== '\n') break;
    at += length || 1;
    if (length > 0) place = { before: at, after: i + 1 };
  }
  return place;
}

/** Where the lines that both texts end with begin; not before `head`. */
function commonTail(before: string, after: string, head: Place): Place {
  let place: Place = { before: before.length, after: after.length };
  let at = before.length;
  let i = after.length;
  while (i > head.after && at > head.before) {
    const isEnding = before[at - 1] === '\n' || before[at - 1] === '\r';
    if (isEnding ? after[i - 1] !== '\n' : before[at - 1] !== after[i - 1]) break;
    if (isEnding) place = { before: at, after: i };
    at -= isEnding && before[at - 1] === '\n' && before[at - 2] === '\r' ? 2 : 1;
    i -= 1;
  }
  return i === head.after && at === head.before ? head : place;
}

/** Length of the line ending at an offset; 0 when there is none. */
function endingAt(text: string, at: number): number {
  if (text[at] === '\r') return text[at + 1] === '\n' ? 2 : 1;
  return text[at] === '\n' ? 1 : 0;
}

function firstEnding(text: string): string {
  return /\r\n|\r|\n/.exec(text)?.[0] ?? '\n';
}

/** Longer texts are not compared line by line: whoever saves one must not hold up the others. */
const MAX_COMPARED = 200_000;

function keepEach(before: string, after: string, ending: string): string {
  if (before.length + after.length > MAX_COMPARED) return after.replaceAll('\n', ending);
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

/** Beyond this many lines a gap is matched by position: the time must not grow with the square of the text. */
const MAX_GAP_LINES = 20_000;

/** For each line of `after` the line of `before` that it is; -1 for one that is new. Lines keep their order. */
function matchLines(before: readonly string[], after: readonly string[]): Int32Array {
  const matches = new Int32Array(after.length).fill(-1);
  const gaps: Gap[] = [{ from: 0, to: before.length, newFrom: 0, newTo: after.length }];
  for (let gap = gaps.pop(); gap; gap = gaps.pop()) {
    let { from, to, newFrom, newTo } = gap;
    while (from < to && newFrom < newTo && before[from] === after[newFrom]) matches[newFrom++] = from++;
    while (from < to && newFrom < newTo && before[to - 1] === after[newTo - 1]) matches[--newTo] = --to;
    if (from === to || newFrom === newTo) continue;
    const anchors = findAnchors(before, after, { from, to, newFrom, newTo });
    if (anchors.length === 0) {
      // edited in place, as far as can be told
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

/** Pairs of lines that stand once on either side, in an order that both sides share: what a patience diff goes by. */
function findAnchors(before: readonly string[], after: readonly string[], gap: Gap): [number, number][] {
  if (Math.max(gap.to - gap.from, gap.newTo - gap.newFrom) > MAX_GAP_LINES) return [];
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

/** The longest part of the pairs whose first numbers increase. */
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
