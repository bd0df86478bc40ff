/**
 * An async generator that can be ended while it waits. A plain one cannot: its `return` waits for the pending
 * `next`, which for a quiet log may take hours. Here `return` aborts the signal that the generator waits on.
 */
export function interruptible<T>(
  make: (signal: AbortSignal) => AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  const ending = new AbortController();
  const inner = make(ending.signal);
  return {
    next: () => inner.next(),
    return: (value) => {
      ending.abort();
      return inner.return(value);
    },
    throw: (error) => {
      ending.abort();
      return inner.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
