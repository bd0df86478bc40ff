import { createSignal } from 'solid-js';

type Range = readonly [number, number];

/** The lines that the address names, e.g. `#L3-7`, so that a link leads to them. */
export function createLineSelection() {
  const [range, setRange] = createSignal(rangeIn(location.hash));
  return {
    /** First and last line; null: none is selected. */
    range,
    has(line: number): boolean {
      const chosen = range();
      return chosen !== null && line >= chosen[0] && line <= chosen[1];
    },
    /** @param isExtended it reaches from its first line to this one, instead of moving here */
    select(line: number, isExtended: boolean): void {
      const before = isExtended ? range() : null;
      const [from, to] = before ? [Math.min(before[0], line), Math.max(before[0], line)] : [line, line];
      setRange([from, to]);
      history.replaceState(null, '', `#L${from}${to === from ? '' : `-${to}`}`);
    },
  };
}

function rangeIn(hash: string): Range | null {
  const match = /^#L(\d{1,9})(?:-(\d{1,9}))?$/.exec(hash);
  if (!match?.[1]) return null;
  const from = Number(match[1]);
  return [from, match[2] ? Number(match[2]) : from];
}
