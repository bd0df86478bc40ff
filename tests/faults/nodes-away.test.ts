import { describe, expect, it } from 'vitest';
import { createSchedules, expectAllRan, ticksOf, untilEachTicked } from '../support/ledger.ts';
import { mongoUri } from '../support/mongo.ts';
import {
  cancelRun,
  findRun,
  readLog,
  runPlaybook,
  waitForEnd,
  waitForStatus,
} from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { TEST_TIMINGS } from '../support/timings.ts';
import { withNodes } from '../support/with-nodes.ts';
import type { TestServer } from '../support/with-server.ts';

/** They are printed while the nodes are away. */
const LINES = 60;
const PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
  'long.yaml': `# until away\n# lines ${LINES} 100\n# until back\n# print the end\n- hosts: localhost\n`,
};
const ENV = { SIBLE_CONCURRENCY: '50' };

if (mongoUri() === null)
  console.log('Not covered, since MONGODB_URI is not set: faults of nodes on one MongoDB');

describe.skipIf(mongoUri() === null)('nodes on one MongoDB', () => {
  it('runs of a node that is paused and of one that died are lost soon after their lease; when they come back the runs end truly, and nothing is written over', () =>
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

      first.writePlaybook('away', '');
      const begun = Date.now();
      paused.server.pause();
      await killed.server.kill();
      for (const id of [ofPaused, ofKilled])
        expect((await waitForStatus(api, id, 'LOST')).reason).toMatch(/has not been heard of since/);
      // the lease, the sweep, its second look, and what a busy machine adds
      const { leaseMs, heartbeatMs } = TEST_TIMINGS.runs;
      expect(Date.now() - begun).toBeLessThan(
        leaseMs + TEST_TIMINGS.scheduler.sweepMs + 2 * heartbeatMs + 10_000,
      );
      const ticked = (await ticksOf(first.api, ids[0] ?? '')).length;
      await untilEachTicked(api, ids, ticked + 3);
      paused.server.resume();
      await killed.restart();

      // its worker came back: it goes on, and so it says
      await waitForStatus(api, ofPaused, 'RUNNING');
      first.writePlaybook('back', '');
      for (const id of [ofPaused, ofKilled]) {
        expect(await waitForStatus(api, id, 'SUCCEEDED')).toMatchObject({ exitCode: 0 });
        expect(await readLog(first.api, id)).toEqual({
          text: `${printedLines(LINES)}\nthe end`,
          totalLines: LINES + 1,
          complete: true,
        });
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
