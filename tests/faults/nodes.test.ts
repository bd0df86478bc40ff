import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TIMINGS } from '../../server/timings.ts';
import {
  createSchedules,
  expectAllRan,
  expectNoneMissed,
  ticksOf,
  untilEachTicked,
} from '../support/ledger.ts';
import { mongoUri } from '../support/mongo.ts';
import { createSchedule } from '../support/operations.ts';
import { times } from '../support/soak.ts';
import { TEST_TIMINGS } from '../support/timings.ts';
import { withNodes } from '../support/with-nodes.ts';
import type { TestServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
};
const ENV = { SIBLE_CONCURRENCY: '50' };
/** A node that is killed must be back before its lease ends, and to start takes as long here as in earnest. */
const timings = { ...TEST_TIMINGS, runs: { ...TEST_TIMINGS.runs, leaseMs: TIMINGS.runs.leaseMs } };

const withTwo = (work: (first: TestServer, second: TestServer) => Promise<void>) =>
  withNodes(2, { playbooks: PLAYBOOKS, env: ENV, timings }, ([first, second]) =>
    work(first as TestServer, second as TestServer),
  );

if (mongoUri() === null)
  console.log('Not covered, since MONGODB_URI is not set: faults of nodes on one MongoDB');

describe.skipIf(mongoUri() === null)('nodes on one MongoDB', () => {
  it('schedules every 2 s run once each instant, and none is missed, while one node is killed and started again and again', () =>
    withTwo(async (first, second) => {
      const ids = await createSchedules([first.api, second.api], times(10, 20), '*/2 * * * * *');
      const until = Date.now() + times(12_000, 120_000);
      while (Date.now() < until) {
        await delay(1_000 + Math.random() * 2_000);
        await second.server.kill();
        await delay(Math.random() * 1_500);
        await second.restart();
      }
      const before = (await ticksOf(first.api, ids[0] ?? '')).length;
      await untilEachTicked(() => first.api, ids, before + 5);
      await expectAllRan(second.api, ids, 2);
    }));

  it.each([2, 4].slice(-times(1, 2)))('many schedules at one instant on %i nodes run once each', (count) =>
    withNodes(count, { playbooks: PLAYBOOKS, env: ENV }, async (nodes) => {
      const [first] = nodes as [TestServer, ...TestServer[]];
      for (let round = 0; round < times(1, 30); round += 1) {
        // all are made before it comes, also on a machine that is busy with other tests
        const at = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 12_000).toISOString();
        const ids = await Promise.all(
          Array.from({ length: 100 }, (_, n) =>
            createSchedule(
              (nodes[n % count] as TestServer).api,
              'quick.yaml',
              { at },
              { name: `round ${round}, ${n}` },
            ),
          ),
        );
        await untilEachTicked(() => first.api, ids, 1);
        for (const id of ids) expectNoneMissed(await ticksOf(first.api, id), 1);
        const { runs } = await first.api.request<{ runs: { totalCount: number } }>('{ runs { totalCount } }');
        expect(runs.totalCount).toBe(100 * (round + 1));
      }
    }),
  );
});
