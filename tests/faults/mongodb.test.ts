import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createSchedules, expectAllRan, ticksOf, untilEachTicked } from '../support/ledger.ts';
import { mongoUri } from '../support/mongo.ts';
import { runPlaybook, waitForEnd } from '../support/operations.ts';
import { times } from '../support/soak.ts';
import { AWAY_MS, SURVIVOR_PLAYBOOKS, survives } from '../support/survives.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { withNodes } from '../support/with-nodes.ts';
import type { TestServer } from '../support/with-server.ts';

/** The probes answer whatever the database does; one of them says that it is away. */
async function expectProbes({ server: { url } }: TestServer, ready: number): Promise<void> {
  const begun = performance.now();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect((await fetch(`${url}/readyz`)).status).toBe(ready);
  expect(performance.now() - begun).toBeLessThan(5_000);
}

if (mongoUri() === null)
  console.log('Not covered, since MONGODB_URI is not set: a MongoDB that is away or slow');

describe.skipIf(mongoUri() === null)('a MongoDB', () => {
  /** A node that reaches its database through a proxy. */
  async function withProxy(work: (node: TestServer, proxy: TcpProxy) => Promise<void>): Promise<void> {
    const { hostname, port } = new URL(mongoUri() ?? '');
    const proxy = await openTcpProxy({ host: hostname, port: Number(port || 27_017) });
    const through = (uri: string) => {
      const url = new URL(uri);
      url.hostname = '127.0.0.1';
      url.port = String(proxy.port);
      return url.toString();
    };
    try {
      await withNodes(
        1,
        // all schedules start each instant, and those of the outage at once: the queue is not what is tried
        { playbooks: SURVIVOR_PLAYBOOKS, through, env: { SIBLE_CONCURRENCY: '50' } },
        ([node]) => work(node as TestServer, proxy),
      );
    } finally {
      await proxy.close();
    }
  }

  it('that hangs costs no instant, no line and no true end', () =>
    withProxy((node, proxy) =>
      survives(node, async () => {
        proxy.hang();
        await delay(AWAY_MS);
        await expectProbes(node, 503);
        await proxy.heal();
      }),
    ));

  it('that is cut off and refuses connections costs no instant, no line and no true end', () =>
    withProxy((node, proxy) =>
      survives(node, async () => {
        await proxy.cut();
        await delay(AWAY_MS);
        await expectProbes(node, 503);
        await proxy.heal();
      }),
    ));

  it('that takes 200 ms for each answer starts runs within 2 s, and the API answers', () =>
    withProxy(async (node, proxy) => {
      const { api } = node;
      const ids = await createSchedules([api], 20, '*/4 * * * * *');
      proxy.delayBy(100);
      await untilEachTicked(() => api, ids, times(3, 150), times(120_000, 900_000));
      await expectProbes(node, 200);
      const ticks = (await Promise.all(ids.map((id) => ticksOf(api, id)))).flat();
      // those of the time before may have begun in any way
      const runs = await Promise.all(
        ticks
          .slice(-40)
          .map(({ run }) =>
            api.request<{ node: { scheduledFor: string; startedAt: string } }>(
              'query ($id: ID!) { node(id: $id) { ... on Run { scheduledFor startedAt } } }',
              { id: run?.id },
            ),
          ),
      );
      for (const { node: run } of runs) {
        expect(Date.parse(run.startedAt) - Date.parse(run.scheduledFor)).toBeLessThan(2_000);
      }
      proxy.delayBy(0);
      await expectAllRan(api, ids, 4);
    }));

  it('that is away while a playbook is started and ends leaves no run between two states', () =>
    withProxy(async ({ api }, proxy) => {
      for (let round = 0; round < times(6, 60); round += 1) {
        const asked = runPlaybook(api, 'quick.yaml').catch(() => null);
        // the moment is what is tried
        await delay(Math.random() * 40);
        await proxy.cut();
        await delay(300);
        await proxy.heal();
        const id = await asked;
        if (id) expect(await waitForEnd(() => api, id)).toMatchObject({ status: 'SUCCEEDED' });
      }
      // also those whose answer was lost
      await waitForNothing(api);
    }));
});

async function waitForNothing(api: TestServer['api']): Promise<void> {
  const { runs } = await api.request<{ runs: { edges: { node: { id: string } }[] } }>(
    '{ runs(first: 500) { edges { node { id } } } }',
  );
  for (const { node } of runs.edges)
    expect(await waitForEnd(() => api, node.id)).toMatchObject({ status: 'SUCCEEDED' });
}
