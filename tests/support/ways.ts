import type { ApiClient } from './api-client.ts';

type Ask = <T = Record<string, unknown>>(
  api: ApiClient,
  query: string,
  variables?: Record<string, unknown>,
) => Promise<T>;

async function firstOf<T>(events: AsyncIterator<T>): Promise<T> {
  const { value, done } = await events.next();
  if (done) throw new Error('There was no answer.');
  await events.return?.();
  return value;
}

/** The three ways to ask the same: what is refused on one of them must be on the others. Throws when the answer has errors. */
export const WAYS: readonly (readonly [string, Ask])[] = [
  ['HTTP', (api, query, variables) => api.request(query, variables)],
  ['SSE', (api, query, variables = {}) => firstOf(api.overSse(query, variables))],
  ['WebSocket', (api, query, variables) => firstOf(api.overWebSocket(query, variables))],
];
