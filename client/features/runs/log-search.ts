import { createEffect, createSignal, on, onCleanup } from 'solid-js';
import { isPlain } from '../../../shared/visible-line.mjs';
import { plainText } from './ansi-text.ts';
import { createHitList, type Hit } from './hit-list.ts';
import type { LogBuffer } from './log-buffer.ts';

/** A single character would match nearly every line. */
const MIN_LENGTH = 2;
/** How long it may hold up the page at a time. */
const SLICE_MS = 6;
/** Between two looks at the clock. */
const LINES_PER_LOOK = 64;
/** From here on the count is shown as such only when it is final. */
const MANY = 10_000;
const NONE = -1;

/**
 * The search in what a reader sees of a log, ignoring case: its hits, and which of them is shown. A long log is searched in
 * steps between which the page can be used.
 * @param count of the lines held; new lines are searched as they come
 * @param show brings a hit into view
 */
export function createLogSearch(buffer: LogBuffer, count: () => number, show: (hit: Hit) => void) {
  const [text, setText] = createSignal('');
  const [index, setIndex] = createSignal(NONE);
  const [hitCount, setHitCount] = createSignal(0);
  const [isCounting, setCounting] = createSignal(false);
  const isOn = () => text().length >= MIN_LENGTH;
  let hits = createHitList();
  let wanted = '';
  let searchedTo = 0;
  /** The hit that is shown as soon as it is found: 0 after typing, as far as the lines reach that were held then. */
  let shownUpTo = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));

  function searchLine(number: number, line: string): void {
    for (let at = line.indexOf(wanted); at >= 0; at = line.indexOf(wanted, at + wanted.length))
      hits.push(number, at);
  }

  /** @returns the last line of the batch that was searched */
  function searchBatch(from: number, deadline: number): number {
    const batch = buffer.batch(buffer.placeOf(from)?.index ?? 0);
    if (!batch) return count();
    const last = batch.firstLine + batch.lineCount - 1;
    const isAsSeen = isPlain(batch.text);
    if (isAsSeen && !folded(batch.text).includes(wanted)) return last;
    for (let number = from; number <= last; number += 1) {
      const line = buffer.line(number);
      searchLine(number, folded(isAsSeen ? line : plainText(line)));
      if (number % LINES_PER_LOOK === 0 && performance.now() > deadline) return number;
    }
    return last;
  }

  function search(): void {
    timer = undefined;
    const deadline = performance.now() + SLICE_MS;
    const end = buffer.count();
    while (searchedTo < end && performance.now() < deadline)
      searchedTo = searchBatch(searchedTo + 1, deadline);
    setHitCount(hits.count());
    const isOver = searchedTo >= end;
    setCounting(!isOver);
    if (!isOver) timer = setTimeout(search);
    const first = hits.at(0);
    if (index() === NONE && first && first.line <= shownUpTo) go(0);
  }

  function go(to: number): void {
    const hit = hits.at(to);
    if (!hit) return;
    setIndex(to);
    show(hit);
  }

  createEffect(
    on(
      count,
      () => {
        if (isOn() && timer === undefined) search();
      },
      { defer: true },
    ),
  );

  return {
    text,
    isOn,
    /** How often the text was found so far. */
    hitCount,
    /** Whether lines that are held have not been searched yet. */
    isCounting,
    /** Which hit is shown, from 0 on; -1: none. */
    index,
    /** E.g. "1 / 12", or "1 / 10,000+" while a long log is searched. */
    summary(): string {
      if (hitCount() === 0) return isCounting() ? 'searching …' : 'not found';
      const isOpen = isCounting() && hitCount() >= MANY;
      const shown = (isOpen ? MANY : hitCount()).toLocaleString('en');
      return `${index() === NONE ? '–' : (index() + 1).toLocaleString('en')} / ${shown}${isOpen ? '+' : ''}`;
    },
    /** The hit that is shown; undefined: none. */
    current: (): Hit | undefined => (isOn() ? hits.at(index()) : undefined),
    /** Where the text stands in a line, as a reader sees it; at most `limit` places. */
    columnsIn(line: string, limit: number): number[] {
      const columns: number[] = [];
      if (!isOn()) return columns;
      const haystack = folded(line);
      const needle = folded(text());
      for (
        let at = haystack.indexOf(needle);
        at >= 0 && columns.length < limit;
        at = haystack.indexOf(needle, at + needle.length)
      )
        columns.push(at);
      return columns;
    },
    setText(next: string): void {
      if (next === text()) return;
      clearTimeout(timer);
      timer = undefined;
      hits = createHitList();
      wanted = folded(next);
      searchedTo = 0;
      shownUpTo = buffer.count();
      setIndex(NONE);
      setHitCount(0);
      setText(next);
      if (isOn()) search();
      else setCounting(false);
    },
    /** @param by 1 for the next hit, -1 for the previous one; the ends are joined. The first step shows the first hit. */
    step(by: 1 | -1): void {
      const found = hits.count();
      if (found === 0) return;
      go(index() === NONE && by === 1 ? 0 : (Math.max(index(), 0) + by + found) % found);
    },
  };
}

/** In small letters, each at the column of the large one. */
function folded(text: string): string {
  const small = text.toLowerCase();
  if (small.length === text.length) return small;
  return Array.from(text, (char) => {
    const one = char.toLowerCase();
    return one.length === char.length ? one : char;
  }).join('');
}
