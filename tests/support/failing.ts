/** An operation that fails so many times, and then does what it did. */
export function failing<A extends unknown[], R>(
  times: number,
  operation: (...args: A) => Promise<R>,
  message = 'away',
): (...args: A) => Promise<R> {
  let left = times;
  return async (...args) => {
    if (left > 0) {
      left -= 1;
      throw new Error(message);
    }
    return operation(...args);
  };
}
