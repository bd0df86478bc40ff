/**
 * Does for many at once what is asked for one by one: what comes while one batch is under way makes the next one.
 * @param work on a batch; when it rejects, everybody who asked for a part of it is told so
 * @returns resolves when the batch of this item is done
 */
export function batching<Item>(
  work: (items: readonly Item[]) => Promise<void>,
): (item: Item) => Promise<void> {
  let next: { readonly items: Item[]; readonly done: Promise<void> } | null = null;
  let underWay: Promise<unknown> = Promise.resolve();

  return (item) => {
    if (next) {
      next.items.push(item);
      return next.done;
    }
    const items = [item];
    const done = underWay.then(() => {
      next = null;
      return work(items);
    });
    next = { items, done };
    underWay = done.catch(() => undefined);
    return done;
  };
}
