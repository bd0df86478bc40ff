import { expect } from 'vitest';
import type { Services } from '../../server/graphql/context.ts';
import { createGraphqlYoga } from '../../server/graphql/yoga.ts';
import { TESTER } from './actor.ts';

export interface GraphqlAnswer<Data> {
  readonly data: Data;
  readonly errors?: { readonly message: string }[];
}

/** The GraphQL endpoint on services of the test, without a server. @returns asks it and gives its answer */
export function askOf(services: object): <Data>(query: string) => Promise<GraphqlAnswer<Data>> {
  const yoga = createGraphqlYoga({
    services: services as Services,
    isDevelopment: false,
    onInternalError: (error) => expect(error).toBeNull(),
  });
  return async (query) => {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    };
    const response = await yoga.fetch('http://localhost/graphql', request, { actor: TESTER });
    return response.json();
  };
}

/** All in one page. */
export function pageOf<T>(nodes: readonly T[]) {
  return { items: nodes.map((node, n) => ({ node, cursor: `${n}` })), hasMore: false };
}
