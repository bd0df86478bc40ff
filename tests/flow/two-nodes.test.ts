import { describe, expect, it } from 'vitest';
import { type ApiClient, collect, joinBatches, type LogBatch, RUN_LOG } from '../support/api-client.ts';
import { createSchedules } from '../support/ledger.ts';
import { mongoUri } from '../support/mongo.ts';
import {
  cancelRun,
  deleteSchedule,
  findRun,
  listRuns,
  readLog,
  runPlaybook,
  waitForEnd,
  waitForStatus,
} from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { TEST_TIMINGS } from '../support/timings.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withNodes } from '../support/with-nodes.ts';
import type { TestServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
  'slow.yaml': '# lines 300 15\n- hosts: localhost\n',
};
const SCHEDULE_COUNT = 5;

const withTwoNodes = (work: (first: TestServer, second: TestServer) => Promise<void>) =>
  withNodes(2, { playbooks: PLAYBOOKS }, ([first, second]) =>
    work(first as TestServer, second as TestServer),
  );

const untilEachRan = (api: ApiClient, ids: readonly string[], times: number) =>
  waitUntil(
    async () => (await Promise.all(ids.map((id) => listRuns(api, id)))).every((runs) => runs.length >= times),
    { withinMs: 60_000, everyMs: 200 },
  );

/** Seconds of the instants for which there are runs, in order; one that is there twice is twice in the list. */
async function instantsOf(api: ApiClient, id: string): Promise<number[]> {
  const runs = await listRuns(api, id);
  return runs.map((run) => Date.parse(run.scheduledFor ?? '') / 1_000).sort((a, b) => a - b);
}

const successive = (instants: readonly number[]) => instants.map((_, i) => (instants[0] ?? 0) + i);

if (mongoUri() === null) console.log('Not covered, since MONGODB_URI is not set: two nodes on one MongoDB');

describe.skipIf(mongoUri() === null)('two nodes on one MongoDB', () => {
  it.concurrent('start one run for each instant, either node shows all of it, and none is missed when one is killed', () =>
    withTwoNodes(async ({ api: first }, { api: second, server: secondServer }) => {
      const ids = await createSchedules([first, second], SCHEDULE_COUNT, '* * * * * *');
      await untilEachRan(first, ids, 5);
      for (const id of ids) {
        const instants = await instantsOf(second, id);
        expect(instants).toEqual(successive(instants));
        for (const run of await listRuns(first, id)) {
          expect(await waitForEnd(() => second, run.id)).toMatchObject({ status: 'SUCCEEDED' });
          expect((await readLog(first, run.id)).text).toBe('done');
        }
      }
      const before = Math.max(
        ...(await Promise.all(ids.map((id) => listRuns(first, id)))).map((runs) => runs.length),
      );

      await secondServer.kill();
      // longer than the locks of the killed one last
      await untilEachRan(first, ids, before + 3 + Math.ceil(TEST_TIMINGS.scheduler.tickLockMs / 1_000));
      for (const id of ids) await deleteSchedule(first, id);

      for (const id of ids) {
        const instants = await instantsOf(first, id);
        expect(instants).toEqual(successive(instants));
      }
    }));

  it.concurrent('a log that one of them writes is tailed on both while it is written', () =>
    withTwoNodes(async ({ api: first }, { api: second }) => {
      const id = await runPlaybook(first, 'slow.yaml');
      const expected = printedLines(300);

      const tails = await Promise.all(
        [first, second].flatMap((api) => [
          collect(api.overWebSocket<{ runLog: LogBatch }>(RUN_LOG, { runId: id })),
          collect(api.overSse<{ runLog: LogBatch }>(RUN_LOG, { runId: id })),
        ]),
      );

      for (const events of tails) {
        expect(joinBatches(events.map((event) => event.runLog)).text).toBe(expected);
        // live, and not all of it at the end
        expect(events.length).toBeGreaterThan(2);
      }
    }));

  it.concurrent('a run for which its node has no room is run by the other one', () =>
    withNodes(
      2,
      {
        playbooks: { ...PLAYBOOKS, 'hold.yaml': '# sleep 600000\n- hosts: localhost\n' },
        env: { SIBLE_CONCURRENCY: '1' },
      },
      async ([first, second]) => {
        const [{ api: full }, { api: idle }] = [first as TestServer, second as TestServer];
        const hold = await runPlaybook(full, 'hold.yaml');
        await waitForStatus(() => full, hold, 'RUNNING');
        const ids = await Promise.all([1, 2, 3].map(() => runPlaybook(full, 'quick.yaml')));
        const nodes = new Set<string>();
        for (const id of ids) {
          expect(await waitForStatus(() => idle, id, 'SUCCEEDED')).toMatchObject({ exitCode: 0 });
          const { node } = await idle.request<{ node: { node: string } }>(
            'query ($id: ID!) { node(id: $id) { ... on Run { node } } }',
            { id },
          );
          nodes.add(node.node);
        }
        expect((await findRun(full, hold)).status).toBe('RUNNING');
        expect(nodes.size).toBe(1);
        await cancelRun(full, hold);
        await waitForStatus(() => full, hold, 'CANCELED');
      },
    ));
});
