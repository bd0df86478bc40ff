import type { AnyVariables, TypedDocumentNode } from '@urql/core';
import { type Accessor, createEffect, createSignal, on, onCleanup } from 'solid-js';
import { createStore, reconcile } from 'solid-js/store';
import { messageOf } from '../lib/caught.ts';
import { currentToken } from '../lib/session.ts';
import { reconnectCount, request } from './client.ts';

/** A query that is refetched when its data changes. The old data stays visible while the new data loads. */
export interface LiveQuery<D> {
  /** The latest data; undefined until the first response. Only changed parts are updated. */
  readonly data: Accessor<D | undefined>;
  /** Why the last fetch failed; null: it did not. */
  readonly error: Accessor<string | null>;
  readonly isLoading: Accessor<boolean>;
  /** Refetches now. */
  refetch(): Promise<void>;
  /** Refetches soon; many calls are merged into one request. */
  invalidate(): void;
}

const SETTLE_MS = 150;

export function createLiveQuery<D extends object, V extends AnyVariables>(
  document: TypedDocumentNode<D, V>,
  variables: () => V | null,
): LiveQuery<D> {
  const [store, setStore] = createStore<{ data: D | undefined }>({ data: undefined });
  const [error, setError] = createSignal<string | null>(null);
  const [isLoading, setLoading] = createSignal(false);
  let latest = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function refetch(): Promise<void> {
    const wanted = variables();
    if (wanted === null) return;
    latest += 1;
    const own = latest;
    setLoading(true);
    try {
      const data = await request(document, wanted);
      // a newer request is under way; its response is the one to show
      if (own !== latest) return;
      setStore('data', reconcile(data, { key: 'id', merge: true }) as never);
      setError(null);
    } catch (failure) {
      if (own === latest) setError(messageOf(failure));
    } finally {
      if (own === latest) setLoading(false);
    }
  }

  function invalidate(): void {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      void refetch();
    }, SETTLE_MS);
  }

  createEffect(on([() => JSON.stringify(variables()), reconnectCount, currentToken], () => void refetch()));
  // failed requests are retried automatically
  const retry = setInterval(() => {
    if (error() !== null) void refetch();
  }, 3_000);
  onCleanup(() => {
    clearTimeout(timer);
    clearInterval(retry);
    latest += 1;
  });

  return { data: () => store.data, error, isLoading, refetch, invalidate };
}
