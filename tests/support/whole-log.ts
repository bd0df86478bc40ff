import { expect } from 'vitest';
import { type ApiClient, collect, joinBatches, type LogBatch, RUN_LOG } from './api-client.ts';
import type { TestServer } from './with-server.ts';

/** The log as it is downloaded. */
export async function download({ server }: TestServer, runId: string): Promise<Buffer> {
  const response = await fetch(`${server.url}/runs/${encodeURIComponent(runId)}/log?raw=1`);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

/** The log behind this line as a subscriber sees it. */
export async function tail(api: ApiClient, runId: string, after = 0): Promise<string> {
  const events = await collect(api.overWebSocket<{ runLog: LogBatch }>(RUN_LOG, { runId, after }));
  return joinBatches(
    events.map(({ runLog }) => runLog),
    after,
  ).text;
}
