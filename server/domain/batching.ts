/**
 * Does once what many ask for at once: whoever asks before the work begins shares it, and who asks later waits for the next.
 * @returns resolves with what the work that began after the call gave; rejects as it does
 */
export function sharing<T>(work: () => Promise<T>): () => Promise<T> {
  let next: Promise<T> | null = null;
  let underWay: Promise<unknown> = Promise.resolve();

  return () => {
    if (next) return next;
    next = underWay.then(() => {
      next = null;
      return work();
    });
    underWay = next.catch(() => undefined);
    return next;
  };
}

/**
 * Does for many at once what is asked for one by one: what comes while one batch is under way makes the next one.
 * @param work on a batch; when it rejects, everybody who asked for a part of it is told so
 * @returns resolves when the batch of this item is done
 */
export function batching<Item>(
  work: (items: readonly Item[]) => Promise<void>,
): (item: Item) => Promise<void> {
  let items: Item[] = [];
  const done = sharing(() => {
    const batch = items;
    items = [];
    return work(batch);
  });

  return (item) => {
    items.push(item);
    return done();
  };
}
