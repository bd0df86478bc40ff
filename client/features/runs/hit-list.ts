export interface Hit {
  readonly line: number;
  /** In what a reader sees, from 0 on. */
  readonly column: number;
}

/** Where a text was found, in order; 8 bytes each, as there may be millions. */
export function createHitList() {
  let held = new Uint32Array(512);
  let count = 0;
  return {
    count: () => count,
    /** Undefined: there is no such hit. */
    at: (index: number): Hit | undefined =>
      index >= 0 && index < count
        ? { line: held[2 * index] ?? 0, column: held[2 * index + 1] ?? 0 }
        : undefined,
    push(line: number, column: number): void {
      if (2 * count === held.length) {
        const more = new Uint32Array(2 * held.length);
        more.set(held);
        held = more;
      }
      held[2 * count] = line;
      held[2 * count + 1] = column;
      count += 1;
    },
  };
}
