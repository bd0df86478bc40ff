/**
 * Shares one run of `work` among all who call before it begins; whoever calls later waits for the next one.
 * @returns a function that resolves or rejects as the run that began after the call does
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
