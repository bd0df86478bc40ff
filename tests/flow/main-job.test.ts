import { expect, it } from 'vitest';
import { collect, joinBatches, type LogBatch, RUN_LOG } from '../support/api-client.ts';
import {
  createSchedule,
  deleteSchedule,
  findRun,
  listRuns,
  readLog,
  waitForEnd,
} from '../support/operations.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const HELLO = `- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: hello from the schedule
`;

/** Lines of the server's log that say who changed something. */
function changesIn(output: string): { readonly msg: string; readonly actor: object }[] {
  return output
    .split('\n')
    .filter((line) => line.includes('"actor"'))
    .map((line) => JSON.parse(line));
}

describeOnBothStorages('the main job', (choose) => {
  it.concurrent('a schedule runs real Ansible every second, shows it live, and stops when it is deleted', () =>
    withServer(
      {
        storage: choose(),
        ansible: 'real',
        playbooks: { 'hello.yaml': HELLO },
        env: { SIBLE_ADMIN_TOKEN: 'the-key-of-the-main-job', SIBLE_LOG_LEVEL: 'info' },
      },
      async ({ api, server }) => {
        const changes = api.overWebSocket<{ scheduleChanged: { id: string } }>(
          'subscription { scheduleChanged { id schedule { name } } }',
        );
        const firstChange = changes.next();
        const id = await createSchedule(api, 'hello.yaml', '* * * * * *');
        expect((await firstChange).value).toMatchObject({
          scheduleChanged: { schedule: { name: 'hello.yaml' } },
        });

        // the log of a run while it is made, over both transports
        const run = await waitUntil(async () => (await listRuns(api, id))[0] ?? null, { withinMs: 20_000 });
        const variables = { runId: run.id, after: 0 };
        const [overSocket, overSse] = await Promise.all([
          collect(api.overWebSocket<{ runLog: LogBatch }>(RUN_LOG, variables)),
          collect(api.overSse<{ runLog: LogBatch }>(RUN_LOG, variables)),
        ]);
        const stored = await readLog(api, run.id);
        expect(stored).toMatchObject({
          complete: true,
          text: expect.stringContaining('hello from the schedule'),
        });
        for (const events of [overSocket, overSse])
          expect(joinBatches(events.map((event) => event.runLog)).text).toBe(stored.text);
        expect(await findRun(api, run.id)).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 });

        await waitUntil(async () => (await listRuns(api, id)).length >= 3, { withinMs: 30_000 });
        await deleteSchedule(api, id);
        const atDeletion = await listRuns(api, id);
        // several more instants pass: the next run of another schedule shows that the scheduler goes on
        const other = await createSchedule(api, 'hello.yaml', '* * * * * *');
        await waitUntil(async () => (await listRuns(api, other)).length >= 2, { withinMs: 30_000 });
        await deleteSchedule(api, other);
        expect((await listRuns(api, id)).map((one) => one.id)).toEqual(atDeletion.map((one) => one.id));

        const holder = { kind: 'keyHolder', address: '127.0.0.1' };
        expect(changesIn(server.output())).toEqual(
          expect.arrayContaining([
            expect.objectContaining({ msg: 'created a schedule', actor: holder, playbook: 'hello.yaml' }),
            expect.objectContaining({ msg: 'fired schedules', actor: { kind: 'scheduler' } }),
            expect.objectContaining({ msg: 'deleted a schedule', actor: holder }),
          ]),
        );
        for (const one of atDeletion) await waitForEnd(() => api, one.id);
        await changes.return?.();
      },
    ));

  it.concurrent('records each instant once: run, or skipped because the last run goes on', () =>
    withServer(
      {
        storage: choose(),
        ansible: 'scripted',
        playbooks: { 'slow.yaml': '# print begun\n# sleep 2500\n- hosts: localhost\n' },
      },
      async ({ api }) => {
        const id = await createSchedule(api, 'slow.yaml', '* * * * * *');
        const ticks = await waitUntil(
          async () => {
            const { node } = await api.request<{
              node: {
                ticks: {
                  edges: { node: { scheduledFor: string; outcome: string; reason: string | null } }[];
                };
              };
            }>(
              'query ($id: ID!) { node(id: $id) { ... on Schedule { ticks { edges { node { scheduledFor outcome reason } } } } } }',
              { id },
            );
            const found = node.ticks.edges.map((edge) => edge.node).reverse();
            const started = found.filter(({ outcome }) => outcome === 'STARTED');
            return found.length >= 6 && started.length >= 2 ? found : null;
          },
          { withinMs: 30_000 },
        );
        await deleteSchedule(api, id);
        const seconds = ticks.map((tick) => Date.parse(tick.scheduledFor) / 1_000);
        expect(seconds).toEqual(seconds.map((_, i) => (seconds[0] ?? 0) + i));
        expect(ticks[0]).toMatchObject({ outcome: 'STARTED', reason: null });
        expect(ticks[1]).toMatchObject({
          outcome: 'SKIPPED',
          reason: expect.stringContaining('had not ended'),
        });
      },
    ));
});
