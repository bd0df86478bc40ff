import { createMemo, createSignal } from 'solid-js';
import type { LogBuffer } from './log-buffer.ts';

const MAX_HITS = 10_000;
/** A single character would match nearly every line. */
const MIN_LENGTH = 2;

/**
 * The search in a log: the lines that hold the text, and the one of them that is shown.
 * @param count of the lines held; new lines are searched as they come
 * @param show brings a line into view
 */
export function createLogSearch(buffer: LogBuffer, count: () => number, show: (line: number) => void) {
  const [text, setText] = createSignal('');
  const [index, setIndex] = createSignal(0);
  const isOn = () => text().length >= MIN_LENGTH;
  const hits = createMemo(() => (isOn() && count() > 0 ? buffer.search(text(), MAX_HITS) : []));

  return {
    text,
    isOn,
    /** How many lines hold the text. */
    hitCount: () => hits().length,
    /** Which of them is shown, from 0 on. */
    index,
    /** Its number; undefined: none. */
    line: () => hits()[index()],
    setText(wanted: string): void {
      setText(wanted);
      setIndex(0);
    },
    /** @param by 1 for the next hit, -1 for the previous one; the ends are joined */
    step(by: 1 | -1): void {
      const found = hits();
      if (found.length === 0) return;
      const next = (index() + by + found.length) % found.length;
      setIndex(next);
      const line = found[next];
      if (line !== undefined) show(line);
    },
  };
}
