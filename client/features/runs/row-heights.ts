export const ROW_PX = 20;
const BLOCK_ROWS = 512;

/** Where the rows of a log are; rows are counted from 0 on. */
export interface RowHeights {
  totalPx(): number;
  topOf(row: number): number;
  /** The row at this position; the first or the last for a position outside. */
  rowAt(px: number): number;
}

export function equalRows(count: number): RowHeights {
  return {
    totalPx: () => count * ROW_PX,
    topOf: (row) => row * ROW_PX,
    rowAt: (px) => Math.max(0, Math.min(count - 1, Math.floor(px / ROW_PX))),
  };
}

/** Rows of different heights: estimated until they are drawn and measured. */
export interface MeasuredRows extends RowHeights {
  /** Adds rows up to this number, with estimated heights. */
  grow(count: number, estimate: (row: number) => number): void;
  /** @returns whether it was another */
  measure(row: number, px: number): boolean;
  /** Forgets all rows. */
  clear(): void;
}

export function createMeasuredRows(): MeasuredRows {
  let heights = new Float32Array(BLOCK_ROWS);
  let count = 0;
  let blocks: number[] = [];
  let total = 0;

  function change(row: number, by: number): void {
    const block = Math.floor(row / BLOCK_ROWS);
    blocks[block] = (blocks[block] ?? 0) + by;
    total += by;
  }

  return {
    totalPx: () => total,
    topOf(row) {
      const block = Math.floor(row / BLOCK_ROWS);
      let top = 0;
      for (let index = 0; index < block; index += 1) top += blocks[index] ?? 0;
      for (let index = block * BLOCK_ROWS; index < row; index += 1) top += heights[index] ?? 0;
      return top;
    },
    rowAt(px) {
      let rest = px;
      let block = 0;
      while (block < blocks.length - 1 && rest >= (blocks[block] ?? 0)) {
        rest -= blocks[block] ?? 0;
        block += 1;
      }
      let row = block * BLOCK_ROWS;
      while (row < count - 1 && rest >= (heights[row] ?? 0)) {
        rest -= heights[row] ?? 0;
        row += 1;
      }
      return row;
    },
    grow(wanted, estimate) {
      if (wanted > heights.length) {
        const more = new Float32Array(Math.max(wanted, 2 * heights.length));
        more.set(heights);
        heights = more;
      }
      for (; count < wanted; count += 1) {
        const px = estimate(count);
        heights[count] = px;
        change(count, px);
      }
    },
    measure(row, px) {
      if (row >= count || heights[row] === px) return false;
      change(row, px - (heights[row] ?? 0));
      heights[row] = px;
      return true;
    },
    clear() {
      count = 0;
      blocks = [];
      total = 0;
    },
  };
}
