/**
 * An async generator that can be ended while it waits. Plain ones cannot: their `return` waits for the `next` under way,
 * which for a quiet log may be hours. Here `return` aborts the signal that the generator waits with.
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
