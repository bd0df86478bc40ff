import type { Page, PageRequest } from '../../server/domain/page.ts';

/**
 * A whole list, page by page, from its beginning or (backward) from its end, in the list's own order.
 * @param options `mayEndEarly`: the items are so large that a page need not be full
 * @throws when a page is longer than asked for, or says that there is more where nothing comes
 */
export async function readAll<T>(
  list: (page: PageRequest) => Promise<Page<T>>,
  limit: number,
  backward = false,
  { mayEndEarly = false } = {},
): Promise<T[]> {
  const read: T[] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: Page<T> = await list({ limit, cursor, backward });
    const nodes = page.items.map(({ node }) => node);
    if (nodes.length > limit) throw new Error(`A page of ${limit} has ${nodes.length} items.`);
    if (page.hasMore && nodes.length < limit && !mayEndEarly)
      throw new Error('A page that is not full says there is more.');
    if (nodes.length === 0 && cursor !== null) throw new Error('The page before said that there is more.');
    if (backward) read.unshift(...nodes);
    else read.push(...nodes);
    if (!page.hasMore) return read;
    cursor = (backward ? page.items[0] : page.items.at(-1))?.cursor ?? null;
  }
}
