import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  createSchedules,
  expectAllRan,
  expectNoneMissed,
  ticksOf,
  untilEachTicked,
} from '../support/ledger.ts';
import { mongoUri } from '../support/mongo.ts';
import {
  cancelRun,
  createSchedule,
  findRun,
  readLog,
  runPlaybook,
  waitForEnd,
  waitForStatus,
} from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { times } from '../support/soak.ts';
import { withNodes } from '../support/with-nodes.ts';
import type { TestServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
  'long.yaml': '# lines 700 100\n- hosts: localhost\n',
};
const LONG_LINES = printedLines(700);
const ENV = { SIBLE_CONCURRENCY: '50' };

const withTwo = (work: (first: TestServer, second: TestServer) => Promise<void>) =>
  withNodes(2, { playbooks: PLAYBOOKS, env: ENV }, ([first, second]) =>
    work(first as TestServer, second as TestServer),
  );

if (mongoUri() === null)
  console.log('Not covered, since MONGODB_URI is not set: faults of nodes on one MongoDB');

describe.skipIf(mongoUri() === null)('nodes on one MongoDB', () => {
  it('20 schedules every 2 s run once each instant, and none is missed, while one node is killed and started again and again', () =>
    withTwo(async (first, second) => {
      const ids = await createSchedules([first.api, second.api], 20, '*/2 * * * * *');
      const until = Date.now() + times(24_000, 120_000);
      while (Date.now() < until) {
        await delay(2_000 + Math.random() * 4_000);
        await second.server.kill();
        await delay(Math.random() * 3_000);
        await second.restart();
      }
      const before = (await ticksOf(first.api, ids[0] ?? '')).length;
      await untilEachTicked(() => first.api, ids, before + 5);
      await expectAllRan(second.api, ids, 2);
    }));

  it('many schedules at one instant on two and on four nodes run once each', async () => {
    for (const count of [2, 4]) {
      await withNodes(count, { playbooks: PLAYBOOKS, env: ENV }, async (nodes) => {
        const [first] = nodes as [TestServer, ...TestServer[]];
        for (let round = 0; round < times(2, 30); round += 1) {
          const at = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 4_000).toISOString();
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
          const { runs } = await first.api.request<{ runs: { totalCount: number } }>(
            '{ runs { totalCount } }',
          );
          expect(runs.totalCount).toBe(100 * (round + 1));
        }
      });
    }
  });

  it('runs of a node that is paused and of one that died are lost within a minute; when they come back the runs end truly, and nothing is written over', () =>
    withNodes(3, { playbooks: PLAYBOOKS, env: ENV }, async (nodes) => {
      const [first, paused, killed] = nodes as [TestServer, TestServer, TestServer];
      const api = () => first.api;
      const ids = await createSchedules(
        nodes.map((node) => node.api),
        10,
        '*/2 * * * * *',
      );
      const ofPaused = await runPlaybook(paused.api, 'long.yaml');
      const ofKilled = await runPlaybook(killed.api, 'long.yaml');
      for (const id of [ofPaused, ofKilled]) await waitForStatus(api, id, 'RUNNING');
      await untilEachTicked(api, ids, 2);

      const begun = Date.now();
      paused.server.pause();
      await killed.server.kill();
      for (const id of [ofPaused, ofKilled])
        expect((await waitForStatus(api, id, 'LOST')).reason).toMatch(/has not been heard of since/);
      expect(Date.now() - begun).toBeLessThan(45_000);
      const ticked = (await ticksOf(first.api, ids[0] ?? '')).length;
      await untilEachTicked(api, ids, ticked + 3);
      paused.server.resume();
      await killed.restart();

      // its worker came back: it goes on, and so it says
      await waitForStatus(api, ofPaused, 'RUNNING');
      for (const id of [ofPaused, ofKilled]) {
        expect(await waitForStatus(api, id, 'SUCCEEDED')).toMatchObject({ exitCode: 0 });
        expect(await readLog(first.api, id)).toEqual({ text: LONG_LINES, totalLines: 700, complete: true });
      }
      const after = (await ticksOf(first.api, ids[0] ?? '')).length;
      await untilEachTicked(() => paused.api, ids, after + 3);
      await expectAllRan(killed.api, ids, 2);
    }));

  it('a run that waits on a node that died is run by another one', () =>
    withNodes(
      2,
      {
        playbooks: { ...PLAYBOOKS, 'hold.yaml': '# sleep 600000\n- hosts: localhost\n' },
        env: { SIBLE_CONCURRENCY: '1' },
      },
      async ([first, second]) => {
        const [one, other] = [first as TestServer, second as TestServer];
        const holds = [await runPlaybook(one.api, 'hold.yaml'), await runPlaybook(other.api, 'hold.yaml')];
        // a full node holds nothing that another one has room for
        const waiting = await runPlaybook(other.api, 'quick.yaml');
        expect((await findRun(one.api, waiting)).status).toBe('QUEUED');
        await other.server.kill();

        await cancelRun(one.api, holds[0] ?? '');

        expect(await waitForEnd(() => one.api, waiting)).toMatchObject({ status: 'SUCCEEDED' });
        await other.restart();
        await cancelRun(other.api, holds[1] ?? '');
        await waitForStatus(() => one.api, holds[1] ?? '', 'CANCELED');
      },
    ));
});
