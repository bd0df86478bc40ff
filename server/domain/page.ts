import { clip, InvalidInputError } from './errors.ts';

/** Which part of a list is wanted. */
export interface PageRequest {
  /** At most this many items, 1 or more. */
  readonly limit: number;
  /** Start behind this item (or end before it, when `backward`); null: from the end of the list that `backward` says. */
  readonly cursor: string | null;
  /** true: the last `limit` items before the cursor. The items come in the list's own order all the same. */
  readonly backward: boolean;
}

/** A part of a list, in the list's order. An item that moves while the page is read may be in it twice, or not at all. */
export interface Page<T> {
  readonly items: readonly PageItem<T>[];
  /** Whether there is more in the direction that was asked for. */
  readonly hasMore: boolean;
}

export interface PageItem<T> {
  readonly node: T;
  readonly cursor: string;
}

/** The values of the sort key of one item, most significant first. */
export type SortKey = readonly (string | number)[];

/** Opaque to callers: they hand back what they were given. */
export function encodeCursor(key: SortKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * @param shape the types that the key of this order has, e.g. `['number', 'string']`
 * @throws {InvalidInputError} when it is not a cursor of a list in this order
 */
export function decodeCursor(cursor: string, shape: readonly ('string' | 'number')[]): SortKey {
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (
      Array.isArray(key) &&
      key.length === shape.length &&
      key.every((part, i) => typeof part === shape[i])
    ) {
      return key as SortKey;
    }
  } catch {
    // not JSON: said below
  }
  throw new InvalidInputError([
    { path: ['cursor'], message: `"${clip(cursor)}" is not a cursor of this list.`, position: null },
  ]);
}
