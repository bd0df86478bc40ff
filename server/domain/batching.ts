/**
 * Coalesces calls: all that arrive before `work` begins share one run of it; later ones wait for the next
 * run.
 * @returns a function that settles as the run that began after the call does
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
 * Batches single requests: items that arrive while one batch is in progress form the next.
 * @param work processes a batch; if it rejects, all callers with an item in the batch get the error
 * @returns a function that resolves when the batch of its item is done
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
