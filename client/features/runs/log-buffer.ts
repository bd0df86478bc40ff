/** The lines of a log in memory: batches as received, split into lines only when one of them is read. */
export interface LogBuffer {
  /** How many lines are held, from line 1 on, without gaps. */
  count(): number;
  /** A line by its number, from 1 on; "" if it is not held. */
  line(number: number): string;
  /**
   * Appends a batch. Lines that are already held are skipped.
   * @returns false if there is a gap before the batch; nothing is appended then
   */
  append(batch: LogBatch): boolean;
  /** A batch by its index, from 0 on; lines that were held before it are left out. */
  batch(index: number): LogBatch | undefined;
  /** Where a line begins: index of its batch, and offset in the text of that; null: it is not held. */
  placeOf(number: number): { readonly index: number; readonly offset: number } | null;
}

export interface LogBatch {
  readonly firstLine: number;
  readonly lineCount: number;
  readonly text: string;
}

interface Held extends LogBatch {
  /** Start of each line in `text`; null until one of them is read. */
  offsets: Uint32Array | null;
}

export function createLogBuffer(): LogBuffer {
  const batches: Held[] = [];
  let last = 0;

  function indexOf(number: number): number {
    let low = 0;
    let high = batches.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((batches[middle]?.firstLine ?? 0) <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  return {
    count: () => last,

    line(number) {
      const batch = number < 1 || number > last ? undefined : batches[indexOf(number)];
      if (!batch) return '';
      batch.offsets ??= offsetsOf(batch);
      const index = number - batch.firstLine;
      const end = index + 1 < batch.lineCount ? (batch.offsets[index + 1] ?? 0) - 1 : batch.text.length;
      return batch.text.slice(batch.offsets[index] ?? 0, end);
    },

    append(batch) {
      const known = last - batch.firstLine + 1;
      if (known < 0) return false;
      if (known >= batch.lineCount) return true;
      batches.push({ ...(known === 0 ? batch : withoutFirst(batch, known)), offsets: null });
      last = batch.firstLine + batch.lineCount - 1;
      return true;
    },

    batch: (index) => batches[index],

    placeOf(number) {
      if (number < 1 || number > last) return null;
      const index = indexOf(number);
      const batch = batches[index];
      if (!batch) return null;
      batch.offsets ??= offsetsOf(batch);
      return { index, offset: batch.offsets[number - batch.firstLine] ?? 0 };
    },
  };
}

function offsetsOf(batch: LogBatch): Uint32Array {
  const offsets = new Uint32Array(batch.lineCount);
  let at = 0;
  for (let index = 0; index < batch.lineCount; index += 1) {
    offsets[index] = at;
    at = batch.text.indexOf('\n', at) + 1;
  }
  return offsets;
}

function withoutFirst(batch: LogBatch, count: number): LogBatch {
  let at = 0;
  for (let skipped = 0; skipped < count; skipped += 1) at = batch.text.indexOf('\n', at) + 1;
  return {
    firstLine: batch.firstLine + count,
    lineCount: batch.lineCount - count,
    text: batch.text.slice(at),
  };
}
