import { expect, it } from 'vitest';
import { endReason } from '../support/end-reason.ts';
import { processesOf } from '../support/processes.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'long.yaml': '- hosts: localhost\n# ignore-term\n# leave-behind 600000\n# sleep 600000\n',
};
const CREATE =
  'mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) { ... on CreateSchedulePayload { schedule { id name } } ... on Error { message } } }';
const RUN =
  'mutation ($input: RunPlaybookInput!) { runPlaybook(input: $input) { ... on RunPlaybookPayload { run { id } } ... on Error { message } } }';
const FIND =
  'query ($id: ID!) { run: node(id: $id) { ... on Run { status reason exitCode startedAt finishedAt } } }';

type Found = { run: { status: string; reason: string; startedAt: string; finishedAt: string } };

describeOnBothStorages('a server that was killed and started again', (choose) => {
  it('knows its idempotency keys, and ends a run at the time limit that it had', () =>
    withServer({ storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS }, async (test) => {
      const create = (name: string) =>
        test.api.request<{ createSchedule: { schedule?: { id: string }; message?: string } }>(CREATE, {
          input: { playbook: 'long.yaml', timing: { cron: '0 3 1 1 *' }, name, idempotencyKey: 'made-once' },
        });
      const run = () =>
        test.api.request<{ runPlaybook: { run: { id: string } } }>(RUN, {
          input: { playbook: 'long.yaml', parameters: { timeoutSeconds: 6 }, idempotencyKey: 'run-once' },
        });
      const schedule = await create('one');
      const started = await run();
      const { id } = started.runPlaybook.run;
      await waitUntil(() => processesOf(id).length >= 3);

      await test.server.kill();
      await test.restart();

      expect(await create('one')).toEqual(schedule);
      expect((await create('two')).createSchedule.message).toMatch(/used for another request within 24 h/);
      const { schedules } = await test.api.request<{ schedules: { totalCount: number } }>(
        '{ schedules { totalCount } }',
      );
      expect(schedules.totalCount).toBe(1);
      expect(await run()).toEqual(started);
      const ended = await waitUntil(
        async () => {
          const found = (await test.api.request<Found>(FIND, { id })).run;
          return found.finishedAt === null ? null : found;
        },
        { withinMs: 60_000 },
      );
      expect(ended).toMatchObject({
        status: 'TIMED_OUT',
        reason: endReason('It took longer than its limit of 6 s and was ended.'),
      });
      expect(Date.parse(ended.finishedAt) - Date.parse(ended.startedAt)).toBeGreaterThanOrEqual(6_000);
      expect(processesOf(id)).toEqual([]);
      expect(await run()).toEqual(started);
    }));
});
