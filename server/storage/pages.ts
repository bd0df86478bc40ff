import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Page, PageItem, PageRequest } from '../domain/page.ts';

/** How long to read before other work gets its turn. */
const TURN_MS = 5;
/** What is read of one page, in characters: it ends early, with more to come, where its items are that large. */
const MAX_PAGE_LENGTH = 16 * 1_048_576;

/** @returns a function to await after each piece of work: it waits for the next turn once this one has lasted long enough */
export function createTurns(): () => Promise<void> {
  let begun = performance.now();
  return async () => {
    if (performance.now() - begun < TURN_MS) return;
    await nextTurn();
    begun = performance.now();
  };
}

/** Works through the items in order, for a few ms in each turn of the event loop. */
export async function eachInTurns<T, R>(items: readonly T[], work: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  const turn = createTurns();
  for (const item of items) {
    results.push(work(item));
    await turn();
  }
  return results;
}

/** @param rows in the order in which they are to be read, from the cursor on: one more than the limit, if there are so many */
export async function fillPage<Row extends object, T>(
  rows: Iterable<Row> | AsyncIterable<Row>,
  { limit, backward }: PageRequest,
  itemOf: (row: Row) => PageItem<T>,
): Promise<Page<T>> {
  const items: PageItem<T>[] = [];
  const turn = createTurns();
  let hasMore = false;
  let length = 0;
  for await (const row of rows) {
    hasMore = items.length === limit || length >= MAX_PAGE_LENGTH;
    if (hasMore) break;
    items.push(itemOf(row));
    length += lengthOf(row);
    await turn();
  }
  return { hasMore, items: backward ? items.reverse() : items };
}

function lengthOf(row: object): number {
  return Object.values(row).reduce((sum, value) => sum + (typeof value === 'string' ? value.length : 8), 0);
}
