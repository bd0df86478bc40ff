import { createSignal, onCleanup } from 'solid-js';

type Range = readonly [number, number];

/**
 * The lines that the address names, e.g. `#L3-7`, so that a link leads to them.
 * @param onMoved called with the first line when the address of the open page was changed by a link or by hand
 */
export function createLineSelection(onMoved: (line: number) => void = () => undefined) {
  const [range, setRange] = createSignal(rangeIn(location.hash));
  /** Where the range began: it is extended from there. */
  let start = range()?.[0] ?? null;

  const read = () => {
    const named = rangeIn(location.hash);
    setRange(named);
    start = named?.[0] ?? null;
    if (named) onMoved(named[0]);
  };
  window.addEventListener('hashchange', read);
  onCleanup(() => window.removeEventListener('hashchange', read));

  return {
    /** First and last line; null: none is selected. */
    range,
    has(line: number): boolean {
      const chosen = range();
      return chosen !== null && line >= chosen[0] && line <= chosen[1];
    },
    /** @param isExtended it reaches from where it began to this line, instead of moving here */
    select(line: number, isExtended: boolean): void {
      if (!isExtended || start === null) start = line;
      const [from, to] = [Math.min(start, line), Math.max(start, line)];
      setRange([from, to]);
      // the router would not know of it if its own state were lost
      history.replaceState(history.state, '', `#L${from}${to === from ? '' : `-${to}`}`);
    },
  };
}

function rangeIn(hash: string): Range | null {
  const match = /^#L(\d{1,9})(?:-(\d{1,9}))?$/.exec(hash);
  if (!match?.[1]) return null;
  const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
  return [Math.max(1, Math.min(from, to)), Math.max(1, from, to)];
}
