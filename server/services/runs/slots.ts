/** A counting semaphore: `count` slots, granted first come, first served. */
export interface Slots {
  /** Takes a slot even if none is free: for runs that are already in progress. */
  take(): void;
  /** @returns whether it got one; never ahead of waiters */
  takeIfFree(): boolean;
  /**
   * Waits for a slot, first come, first served. Rejects when `signal` aborts.
   * @param withinMs null: no timeout
   * @returns whether it got one in time
   */
  acquire(signal: AbortSignal, withinMs: number | null): Promise<boolean>;
  free(): void;
  /** Number of free slots; 0 while others wait. */
  countFree(): number;
}

export function createSlots(count: number): Slots {
  let taken = 0;
  /** Each is called when it is handed a slot, which it then holds. */
  const waiting: (() => void)[] = [];

  function takeIfFree(): boolean {
    if (taken >= count || waiting.length > 0) return false;
    taken += 1;
    return true;
  }

  return {
    take() {
      taken += 1;
    },

    takeIfFree,

    free() {
      if (taken <= count && waiting.length > 0) waiting.shift()?.();
      else taken -= 1;
    },

    async acquire(signal, withinMs) {
      signal.throwIfAborted();
      if (takeIfFree()) return true;
      return new Promise<boolean>((resolve, reject) => {
        const timer = withinMs === null ? undefined : setTimeout(() => leave(() => resolve(false)), withinMs);
        const leave = (settle: () => void) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
          const at = waiting.indexOf(take);
          if (at !== -1) waiting.splice(at, 1);
          settle();
        };
        const abort = () => leave(() => reject(signal.reason));
        const take = () => leave(() => resolve(true));
        waiting.push(take);
        signal.addEventListener('abort', abort, { once: true });
      });
    },

    countFree: () => (waiting.length > 0 ? 0 : Math.max(0, count - taken)),
  };
}
