import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { ticksOf, untilEachTicked } from '../support/ledger.ts';
import { createSchedule, deleteSchedule, listRuns, waitForEnd } from '../support/operations.ts';
import { times } from '../support/soak.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
  'slow.yaml': '# print begun\n# sleep 2500\n- hosts: localhost\n',
};

async function update(api: ApiClient, id: string, input: object): Promise<void> {
  const { updateSchedule } = await api.request<{ updateSchedule: { __typename: string } }>(
    'mutation ($input: UpdateScheduleInput!) { updateSchedule(input: $input) { __typename ... on Error { message } } }',
    { input: { id, ...input } },
  );
  expect(updateSchedule).toEqual({ __typename: 'UpdateSchedulePayload' });
}

/** Resolves shortly before, at, or shortly after the next whole second. */
const aroundTheSecond = () => delay(1_000 - (Date.now() % 1_000) - 60 + Math.random() * 120);

describeOnBothStorages('a schedule that is changed right at its instant', (choose) => {
  const withApi = (work: (api: ApiClient) => Promise<void>) =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS, env: { SIBLE_CONCURRENCY: '20' } },
      ({ api }) => work(api),
    );

  /** Instants that pass on another schedule: after three of them nothing can be on its way any more. */
  async function untilInstantsHavePassed(api: ApiClient): Promise<void> {
    const other = await createSchedule(api, 'quick.yaml', '* * * * * *', { overlap: 'ALLOW' });
    await untilEachTicked(() => api, [other], 3);
    await deleteSchedule(api, other);
  }

  it('starts nothing more once it was deleted', () =>
    withApi(async (api) => {
      const counts: { id: string; runs: number }[] = [];
      for (let round = 0; round < times(15, 200); round += 1) {
        const id = await createSchedule(api, 'quick.yaml', '* * * * * *', { overlap: 'ALLOW' });
        await aroundTheSecond();
        await deleteSchedule(api, id);
        counts.push({ id, runs: (await listRuns(api, id)).length });
      }
      await untilInstantsHavePassed(api);
      for (const { id, runs } of counts) expect(await listRuns(api, id)).toHaveLength(runs);
    }));

  it('fires nothing once it was paused', () =>
    withApi(async (api) => {
      const paused: { id: string; ticks: number }[] = [];
      for (let round = 0; round < times(10, 50); round += 1) {
        const id = await createSchedule(api, 'quick.yaml', '* * * * * *', { overlap: 'ALLOW' });
        await aroundTheSecond();
        await update(api, id, { enabled: false });
        paused.push({ id, ticks: (await ticksOf(api, id)).length });
      }
      await untilInstantsHavePassed(api);
      for (const { id, ticks } of paused) {
        const known = await ticksOf(api, id);
        expect(known).toHaveLength(ticks);
        // one that came just before is started, or was too late and is recorded so
        const started = known.filter(({ outcome }) => outcome === 'STARTED');
        expect(await listRuns(api, id)).toHaveLength(started.length);
      }
    }));

  it('fires by its new timing only once it was edited, also while it runs', () =>
    withApi(async (api) => {
      const edited: { id: string; ticks: number }[] = [];
      for (let round = 0; round < times(8, 50); round += 1) {
        const id = await createSchedule(api, 'slow.yaml', '* * * * * *', { overlap: 'ALLOW' });
        await aroundTheSecond();
        await update(api, id, { timing: { cron: '0 0 1 1 *' } });
        edited.push({ id, ticks: (await ticksOf(api, id)).length });
      }
      await untilInstantsHavePassed(api);
      for (const { id, ticks } of edited) {
        expect(await ticksOf(api, id)).toHaveLength(ticks);
        const { node } = await api.request<{ node: { nextRunAt: string } }>(
          'query ($id: ID!) { node(id: $id) { ... on Schedule { nextRunAt } } }',
          { id },
        );
        expect(node.nextRunAt).toMatch(/-01-01T/);
        for (const run of await listRuns(api, id))
          expect(await waitForEnd(() => api, run.id)).toMatchObject({ status: 'SUCCEEDED' });
      }
    }));

  it('runs the playbook that it was changed to', () =>
    withApi(async (api) => {
      const id = await createSchedule(api, 'slow.yaml', '* * * * * *', { overlap: 'ALLOW' });
      await untilEachTicked(() => api, [id], 1);
      await update(api, id, { playbook: 'quick.yaml' });
      const before = new Set((await listRuns(api, id)).map((run) => run.id));
      await waitUntil(async () => (await listRuns(api, id)).length >= before.size + 3, { withinMs: 20_000 });
      await deleteSchedule(api, id);
      const { runs } = await api.request<{ runs: { edges: { node: { id: string; playbook: string } }[] } }>(
        'query ($id: ID!) { runs(first: 100, filter: { scheduleId: $id }) { edges { node { id playbook } } } }',
        { id },
      );
      const later = runs.edges.map(({ node }) => node).filter((run) => !before.has(run.id));
      expect(later.every(({ playbook }) => playbook === 'quick.yaml')).toBe(true);
    }));
});
