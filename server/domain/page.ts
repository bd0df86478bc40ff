import { clip, InvalidInputError } from './errors.ts';

/** Which part of a list to return. */
export interface PageRequest {
  /** At most this many items, 1 or more. */
  readonly limit: number;
  /**
   * Start after this item (or, if `backward`, end before it); null: start at the first item (or end at the
   * last).
   */
  readonly cursor: string | null;
  /** true: the last `limit` items before the cursor, still in the list's own order. */
  readonly backward: boolean;
}

/**
 * Part of a list, in the list's order. An item that moves while a client pages through it may appear twice,
 * or not at all.
 */
export interface Page<T> {
  readonly items: readonly PageItem<T>[];
  /** Whether there are more items in the requested direction. */
  readonly hasMore: boolean;
}

export interface PageItem<T> {
  readonly node: T;
  readonly cursor: string;
}

/** The values of the sort key of one item, most significant first. */
export type SortKey = readonly (string | number)[];

/** Opaque to callers, who only pass it back. */
export function encodeCursor(key: SortKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/**
 * @param shape the types of this order's sort key, e.g. `['number', 'string']`
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
    // not JSON: reported below
  }
  throw new InvalidInputError([
    { path: ['cursor'], message: `"${clip(cursor)}" is not a cursor of this list.`, position: null },
  ]);
}
