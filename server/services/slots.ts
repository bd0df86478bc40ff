/** Places for so many at once. */
export interface Slots {
  /** Takes a place even if there is none: for what is there already. */
  take(): void;
  /** @returns whether it got one; not before those that wait */
  takeIfFree(): boolean;
  /** Waits for a place, first come, first served. Rejects when `signal` aborts. */
  acquire(signal: AbortSignal): Promise<void>;
  free(): void;
  /** How many could be taken now. */
  countFree(): number;
}

export function createSlots(count: number): Slots {
  let taken = 0;
  const waiting: (() => void)[] = [];
  return {
    take() {
      taken += 1;
    },
    takeIfFree() {
      if (taken >= count || waiting.length > 0) return false;
      taken += 1;
      return true;
    },
    free() {
      taken -= 1;
      if (taken < count) waiting.shift()?.();
    },
    async acquire(signal) {
      while (taken >= count) {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      }
      taken += 1;
    },
    countFree: () => (waiting.length > 0 ? 0 : Math.max(0, count - taken)),
  };
}
