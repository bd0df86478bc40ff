import type { Collection, Document, Filter, Sort } from 'mongodb';
import { decodeCursor, encodeCursor, type Page, type PageRequest, type SortKey } from '../../domain/page.ts';
import { fillPage } from '../pages.ts';

/** A sort order of a collection: one field, then the id, both in the same direction. */
export interface Order<D> {
  readonly field: string;
  readonly type: 'string' | 'number';
  readonly isDescending: boolean;
  /** The field's value as written in a cursor. */
  value(document: D): string | number;
  /** The field's value as stored in the collection. */
  stored(value: string | number): unknown;
}

/** Reads one page by keyset: the cost does not grow with the number of preceding rows. */
export async function findPage<D extends Document & { _id: string }, T>(
  collection: Collection<D>,
  query: {
    readonly filter: Filter<D>;
    readonly order: Order<D>;
    readonly page: PageRequest;
    readonly projection?: Document;
    map(document: D): T;
  },
): Promise<Page<T>> {
  const { filter, order, page, projection } = query;
  // backward reads the same order from its other end
  const goesDown = order.isDescending !== page.backward;
  const conditions: Filter<D>[] = [filter];
  if (page.cursor !== null)
    conditions.push(behind(order, decodeCursor(page.cursor, [order.type, 'string']), goesDown));
  const sort: Sort = { [order.field]: goesDown ? -1 : 1, _id: goesDown ? -1 : 1 };
  // one extra row tells whether there are more
  const found = collection
    .find({ $and: conditions } as Filter<D>, projection === undefined ? {} : { projection })
    .sort(sort)
    .limit(page.limit + 1);
  return fillPage(found as AsyncIterable<D>, page, (document) => ({
    node: query.map(document),
    cursor: encodeCursor([order.value(document), document._id]),
  }));
}

function behind<D>(order: Order<D>, [value = '', id = '']: SortKey, goesDown: boolean): Filter<D> {
  const operator = goesDown ? '$lt' : '$gt';
  const stored = order.stored(value);
  return {
    $or: [
      { [order.field]: { [operator]: stored } },
      { [order.field]: { $eq: stored }, _id: { [operator]: id } },
    ],
  } as Filter<D>;
}
