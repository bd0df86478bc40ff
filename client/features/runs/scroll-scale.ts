export const ROW_PX = 20;
/** Browsers stop at heights of about 16 million pixels; below that every row has its own. */
export const MAX_HEIGHT_PX = 12_000_000;

/** Which rows stand in the window, when there are more of them than a browser can stack. */
export interface ScrollScale {
  /** Height of the scrolled content. */
  readonly heightPx: number;
  /** The first row, 0-based, that is in view at this scroll position. */
  firstRow(scrollTop: number): number;
  /** Where the content that begins with row `row` is to be placed, so that it is in view at `scrollTop`. */
  topOf(row: number, scrollTop: number): number;
  /** The scroll position at which `row` is the first in view. */
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
