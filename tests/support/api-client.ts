import { createClient, type Client as WsClient } from 'graphql-ws';
import { WebSocket } from 'ws';

export interface LogBatch {
  readonly firstLine: number;
  readonly lineCount: number;
  readonly text: string;
}

/** A program that uses the API, with nothing of the server's own code in it. */
export interface ApiClient {
  /** Data of a query or mutation; throws when the answer has errors. */
  request<T = Record<string, unknown>>(query: string, variables?: Record<string, unknown>): Promise<T>;
  /** Events of a subscription over WebSocket; ends when the server completes it. */
  overWebSocket<T>(query: string, variables?: Record<string, unknown>): AsyncIterableIterator<T>;
  /** Events of a subscription over SSE; ends when the server completes it, rejects when the connection is cut before. */
  overSse<T>(query: string, variables: Record<string, unknown>, signal?: AbortSignal): AsyncGenerator<T>;
  close(): Promise<void>;
}

export const RUN_LOG =
  'subscription ($runId: ID!, $after: Int) { runLog(runId: $runId, after: $after) { firstLine lineCount text } }';

export function createApiClient(url: string, token: string | null = null): ApiClient {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  let socket: WsClient | null = null;

  const post = (body: object, accept: string, signal?: AbortSignal) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { ...headers, accept },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });

  return {
    async request<T>(query: string, variables: Record<string, unknown> = {}) {
      const response = await post({ query, variables }, 'application/json');
      const answer = (await response.json()) as { data?: T; errors?: unknown };
      if (answer.errors || !answer.data) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
      return answer.data;
    },

    overWebSocket<T>(query: string, variables: Record<string, unknown> = {}) {
      socket ??= createClient({
        url: `${url.replace(/^http/, 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        lazy: true,
        ...(token === null ? {} : { connectionParams: { authorization: `Bearer ${token}` } }),
      });
      return dataOf<T>(socket.iterate({ query, variables }));
    },

    async *overSse<T>(query: string, variables: Record<string, unknown>, signal?: AbortSignal) {
      const response = await post({ query, variables }, 'text/event-stream', signal);
      if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
      let buffered = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        buffered += chunk;
        const events = buffered.split('\n\n');
        buffered = events.pop() ?? '';
        for (const event of events) {
          const name = /^event: (.*)$/m.exec(event)?.[1];
          if (name === 'complete') return;
          const data = /^data: (.*)$/m.exec(event)?.[1];
          if (name === 'next' && data) yield unwrap<T>(JSON.parse(data));
        }
      }
      throw new Error('The event stream was cut.');
    },

    async close() {
      await socket?.dispose();
    },
  };
}

async function* dataOf<T>(results: AsyncIterable<unknown>): AsyncGenerator<T> {
  try {
    for await (const result of results) yield unwrap<T>(result);
  } catch (error) {
    // refused before it began: the errors as they came
    throw Array.isArray(error) ? new Error(JSON.stringify(error)) : error;
  }
}

function unwrap<T>(result: unknown): T {
  const { data, errors } = result as { data?: T; errors?: unknown };
  if (errors || !data) throw new Error(JSON.stringify(result));
  return data;
}

/** Joins batches, checking that each begins where the one before ended. */
export function joinBatches(batches: readonly LogBatch[], after = 0): { text: string; lastLine: number } {
  let last = after;
  for (const { firstLine, lineCount, text } of batches) {
    if (firstLine !== last + 1) throw new Error(`Expected line ${last + 1}, got ${firstLine}.`);
    if (text.split('\n').length !== lineCount)
      throw new Error(`Batch at ${firstLine} says ${lineCount} lines.`);
    last += lineCount;
  }
  return { text: batches.map((batch) => batch.text).join('\n'), lastLine: last };
}

/** All events, in the order in which they come. */
export async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const event of events) all.push(event);
  return all;
}
