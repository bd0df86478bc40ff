import { type AnyVariables, Client, fetchExchange, type TypedDocumentNode } from '@urql/core';
import { print } from 'graphql';
import { createClient, type Sink } from 'graphql-ws';
import { createSignal } from 'solid-js';
import { reconnectWaitMs } from '../lib/reconnect.ts';
import { acceptToken, authorization, currentToken, fetchWithKey, refuseToken } from '../lib/session.ts';

const FORBIDDEN = 4403;
const [isConnected, setConnected] = createSignal(true);

/** Whether the live connection is up; lists and logs catch up automatically after a reconnect. */
export const isLive = isConnected;

const [reconnects, setReconnects] = createSignal(0);
/** Incremented on each reconnect: data read before it may be stale. */
export const reconnectCount = reconnects;

const client = new Client({
  url: '/graphql',
  exchanges: [fetchExchange],
  requestPolicy: 'network-only',
  preferGetMethod: false,
  fetch: fetchWithKey,
});

/** How many subscriptions are under way. */
let subscriptions = 0;

/** The key that the current connection was opened with. */
let socketKey: string | null = null;
const socket = createClient({
  url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  connectionParams: () => {
    socketKey = currentToken();
    return authorization();
  },
  keepAlive: 10_000,
  retryAttempts: Number.POSITIVE_INFINITY,
  retryWait: (tries) => new Promise((resolve) => setTimeout(resolve, reconnectWaitMs(tries, Math.random()))),
  shouldRetry: () => true,
  on: {
    connected: (_socket, _payload, wasRetry) => {
      acceptToken(socketKey);
      setConnected(true);
      if (wasRetry) setReconnects((count) => count + 1);
    },
    closed: (event) => {
      const { code } = event as CloseEvent;
      if (code === FORBIDDEN) refuseToken(socketKey);
      // we close it ourselves once nothing is subscribed to; a proxy may close it as cleanly
      else if (code !== 1000 || subscriptions > 0) setConnected(false);
    },
  },
});

/** A failed request, with a message for the user. */
export class ApiError extends Error {}

/** Runs a query and returns its data. @throws {ApiError} */
export async function request<D, V extends AnyVariables>(
  document: TypedDocumentNode<D, V>,
  variables: V,
): Promise<D> {
  const { data, error } = await client.query(document, variables).toPromise();
  if (data !== undefined && data !== null && !error) return data;
  if (error?.response?.status === 401) throw new ApiError('The server asks for a key.');
  if (error?.networkError) throw new ApiError('The server does not answer.');
  throw new ApiError(error?.graphQLErrors[0]?.message ?? error?.message ?? 'The server gave no answer.');
}

/** Like `request`, for mutations. @throws {ApiError} */
export async function mutate<D, V extends AnyVariables>(
  document: TypedDocumentNode<D, V>,
  variables: V,
): Promise<D> {
  const { data, error } = await client.mutation(document, variables).toPromise();
  if (data !== undefined && data !== null && !error) return data;
  throw new ApiError(
    error?.networkError
      ? 'The server did not answer; it may have been done all the same.'
      : (error?.graphQLErrors[0]?.message ?? 'The server gave no answer.'),
  );
}

/**
 * Subscribes over the shared socket, and again after each reconnect.
 * @returns a function that unsubscribes
 */
export function subscribe<D, V extends Record<string, unknown>>(
  document: TypedDocumentNode<D, V>,
  variables: V,
  sink: { next(data: D): void; error?(message: string): void; complete?(): void },
): () => void {
  let isOver = false;
  const over = () => {
    if (!isOver) subscriptions -= 1;
    isOver = true;
  };
  subscriptions += 1;
  const full: Sink<{ data?: D | null; errors?: readonly { message: string }[] }> = {
    next: (result) => {
      if (result.data) sink.next(result.data);
      else if (result.errors?.[0]) sink.error?.(result.errors[0].message);
    },
    error: (error) => {
      over();
      sink.error?.(error instanceof Error ? error.message : 'The live connection was refused.');
    },
    complete: () => {
      over();
      sink.complete?.();
    },
  };
  const end = socket.subscribe({ query: print(document), variables }, full as Sink<never>);
  return () => {
    over();
    end();
  };
}
