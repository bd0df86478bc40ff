import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createLogBuffer } from '../../client/features/runs/log-buffer.ts';
import { reconnectWaitMs } from '../../client/lib/reconnect.ts';
import { type LogBatch, RUN_LOG } from '../support/api-client.ts';
import { findRun, runPlaybook } from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { SQLITE } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const PLAYBOOKS = { 'long.yaml': '# lines 300 40\n- hosts: localhost\n' };

/**
 * Measures how many come back within a second. On one storage: the readers are the server's, and that each gets its log
 * from either storage is shown in logs.test.ts.
 */
describe('the server', () => {
  it('started again under 200 subscribers is not stormed, and each of them holds the whole log', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: PLAYBOOKS,
        // one address over both lives, below the ports that the kernel gives to connections
        env: { SIBLE_PORT: String(20_000 + Math.floor(Math.random() * 5_000)) },
      },
      async (test) => {
        const id = await runPlaybook(test.api, 'long.yaml');
        const opened: number[] = [];
        const readers = Array.from({ length: 200 }, () => readOverRestart(test.server.url, id, opened));
        await waitUntil(() => opened.length >= 200, { withinMs: 30_000 });
        opened.length = 0;

        await test.server.kill();
        await test.restart();

        for (const text of await Promise.all(readers)) expect(text).toBe(printedLines(300));
        expect((await findRun(test.api, id)).status).toBe('SUCCEEDED');
        // within any second
        const most = Math.max(
          ...opened.map((at) => opened.filter((other) => other >= at && other < at + 1_000).length),
        );
        expect(most).toBeLessThanOrEqual(50);
      },
    ));
});

/** A reader that comes back as the console does, and goes on behind the last line that it holds. */
async function readOverRestart(url: string, runId: string, opened: number[]): Promise<string> {
  const held = createLogBuffer();
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: (tries) => delay(reconnectWaitMs(tries, Math.random())),
    shouldRetry: () => true,
    lazy: false,
    on: { opened: () => opened.push(performance.now()) },
  });
  try {
    for (;;) {
      const isComplete = await new Promise<boolean>((resolve) => {
        client.subscribe<{ runLog: LogBatch }>(
          { query: RUN_LOG, variables: { runId, after: held.count() } },
          {
            next: ({ data, errors }) => {
              // it is subscribed to again by itself, from where it began: what is held already is left out
              if (errors || (data && !held.append(data.runLog))) resolve(false);
            },
            error: () => resolve(false),
            complete: () => resolve(true),
          },
        );
      });
      if (isComplete) return Array.from({ length: held.count() }, (_, i) => held.line(i + 1)).join('\n');
      await delay(100);
    }
  } finally {
    await client.dispose();
  }
}
