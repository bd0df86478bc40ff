import { createSlices } from '../domain/long-work.ts';
import type { Page, PageItem, PageRequest } from '../domain/page.ts';

/** Maximum size of a page, in characters: with items that large, it ends early, with more to come. */
const MAX_PAGE_LENGTH = 16 * 1_048_576;

/** Works through the items in order, a few ms per turn of the event loop. */
export async function eachInTurns<T, R>(items: readonly T[], work: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  const slices = createSlices();
  for (const item of items) {
    results.push(work(item));
    await slices.pause();
  }
  return results;
}

/** @param rows in reading order, from the cursor on; one more than the limit if there are that many */
export async function fillPage<Row extends object, T>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  { limit, backward }: PageRequest,
  itemOf: (row: Row) => PageItem<T>,
): Promise<Page<T>> {
  const items: PageItem<T>[] = [];
  const slices = createSlices();
  let hasMore = false;
  let length = 0;
  for await (const row of rows) {
    hasMore = items.length === limit || length >= MAX_PAGE_LENGTH;
    if (hasMore) break;
    items.push(itemOf(row));
    length += lengthOf(row);
    await slices.pause();
  }
  return { hasMore, items: backward ? items.reverse() : items };
}

function lengthOf(row: object): number {
  return Object.values(row).reduce((sum, value) => sum + (typeof value === 'string' ? value.length : 8), 0);
}
