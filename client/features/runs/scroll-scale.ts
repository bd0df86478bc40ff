export const ROW_PX = 20;
/** Browsers cap heights at about 16 million pixels; up to here each row has its own pixels. */
export const MAX_HEIGHT_PX = 12_000_000;

/** Maps scroll positions to rows, even for more rows than fit into a browser's maximum height. */
export interface ScrollScale {
  /** Height of the scrolled content. */
  readonly heightPx: number;
  /** The first visible row, 0-based, at this scroll position. */
  firstRow(scrollTop: number): number;
  /** Top of row `row` in the content, given the current `scrollTop`. */
  topOf(row: number, scrollTop: number): number;
  /** The scroll position at which `row` is the first visible row. */
  scrollTopOf(row: number): number;
}

export function scrollScale(rows: number, viewportPx: number): ScrollScale {
  const fullPx = rows * ROW_PX;
  const heightPx = Math.min(fullPx, MAX_HEIGHT_PX);
  const visibleRows = Math.ceil(viewportPx / ROW_PX);
  const lastFirst = Math.max(0, rows - visibleRows + 1);
  const scrollable = Math.max(1, heightPx - viewportPx);
  const isScaled = fullPx > MAX_HEIGHT_PX;
  const fullScrollable = Math.max(1, fullPx - viewportPx);
  const toFull = (scrollTop: number) => (isScaled ? (scrollTop / scrollable) * fullScrollable : scrollTop);
  return {
    heightPx,
    firstRow: (scrollTop) => Math.max(0, Math.min(lastFirst, Math.floor(toFull(scrollTop) / ROW_PX))),
    topOf: (row, scrollTop) => (isScaled ? scrollTop + (row * ROW_PX - toFull(scrollTop)) : row * ROW_PX),
    scrollTopOf: (row) => (isScaled ? ((row * ROW_PX) / fullScrollable) * scrollable : row * ROW_PX),
  };
}
