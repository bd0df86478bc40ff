import { InvalidInputError } from '../domain/errors.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import { builder } from './builder.ts';
import { nextTurn } from './turns.ts';

const DEFAULT_PAGE = 50;
const MAX_PAGE = 500;

interface ConnectionArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** What a connection resolver returns. The total is counted only if the client selects it. */
interface Connection<T> {
  readonly edges: { readonly cursor: string; readonly node: T }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: () => Promise<number>;
}

/** Complexity of a connection field: its fields, once per item of the page. */
export function pageComplexity(args: object): { readonly field: number; readonly multiplier: number } {
  const { first, last } = args as ConnectionArgs;
  return { field: 1, multiplier: Math.max(1, first ?? last ?? DEFAULT_PAGE) };
}

builder.globalConnectionField('totalCount', (t) =>
  t.int({ description: 'How many there are in all.', resolve: (connection) => connection.totalCount() }),
);

/**
 * The requested page as a connection: `first`/`after` forward or `last`/`before` backward, 50 items by
 * default, 500 at most.
 * @throws {InvalidInputError} when the arguments contradict each other or are out of range
 */
export async function connectionOf<T>(
  args: ConnectionArgs,
  list: (page: PageRequest) => Promise<Page<T>>,
  totalCount: () => Promise<number>,
): Promise<Connection<T>> {
  const request = pageRequest(args);
  await nextTurn();
  const page = await list(request);
  const edges = page.items.map(({ node, cursor }) => ({ node, cursor }));
  return {
    edges,
    pageInfo: {
      hasNextPage: request.backward ? request.cursor !== null : page.hasMore,
      hasPreviousPage: request.backward ? page.hasMore : request.cursor !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount,
  };
}

function pageRequest(args: ConnectionArgs): PageRequest {
  const isBackward = isGiven(args.last) || isGiven(args.before);
  if (isBackward && (isGiven(args.first) || isGiven(args.after))) {
    throw fault(
      isGiven(args.last) ? 'last' : 'before',
      'Give "first" and "after", or "last" and "before", not both.',
    );
  }
  const field = isBackward ? 'last' : 'first';
  const limit = (isBackward ? args.last : args.first) ?? DEFAULT_PAGE;
  if (limit < 1 || limit > MAX_PAGE) throw fault(field, `"${field}" is ${limit}; expected 1 to ${MAX_PAGE}.`);
  return { limit, cursor: (isBackward ? args.before : args.after) ?? null, backward: isBackward };
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

function fault(field: string, message: string): InvalidInputError {
  return new InvalidInputError([{ path: [field], message, position: null }]);
}
