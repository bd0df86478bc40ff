import type { AnsiSpan } from './ansi-text.ts';

/** A part of a drawn line: of one style, and within a hit or outside. */
export interface RowPiece extends AnsiSpan {
  readonly hit: 'none' | 'some' | 'current';
}

/**
 * Cuts the parts of a line where hits begin and end.
 * @param columns where the hits begin, ascending and without overlap
 * @param current the column of the hit that is shown; undefined: it is in no line or another one
 */
export function rowPieces(
  spans: readonly AnsiSpan[],
  columns: readonly number[],
  length: number,
  current: number | undefined,
): RowPiece[] {
  if (columns.length === 0) return spans.map((span) => ({ ...span, hit: 'none' }));
  const pieces: RowPiece[] = [];
  let next = 0;
  let start = 0;
  for (const span of spans) {
    const end = start + span.text.length;
    for (let at = start; at < end; ) {
      while (next < columns.length && (columns[next] ?? 0) + length <= at) next += 1;
      const column = columns[next] ?? Number.POSITIVE_INFINITY;
      const isIn = column <= at;
      const stop = Math.min(end, isIn ? column + length : column);
      pieces.push({
        ...span,
        text: span.text.slice(at - start, stop - start),
        hit: isIn ? (column === current ? 'current' : 'some') : 'none',
      });
      at = stop;
    }
    start = end;
  }
  return pieces;
}
