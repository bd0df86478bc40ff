import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { ticksOf, untilEachTicked } from '../support/ledger.ts';
import {
  createSchedule,
  deleteSchedule,
  listRuns,
  updateSchedule,
  waitForEnd,
} from '../support/operations.ts';
import { times } from '../support/soak.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';

const PLAYBOOKS = {
  'quick.yaml': '# print done\n- hosts: localhost\n',
  'slow.yaml': '# print begun\n# sleep 2500\n- hosts: localhost\n',
};

/** Resolves shortly before, at, or shortly after the next whole second. */
const aroundTheSecond = () => delay(1_000 - (Date.now() % 1_000) - 60 + Math.random() * 120);

describeOnBothStorages('a schedule that is changed right at its instant', (choose) => {
  const shared = useServer(() => ({
    storage: choose(),
    ansible: 'scripted',
    playbooks: PLAYBOOKS,
    env: { SIBLE_CONCURRENCY: '50' },
  }));
  const withApi = (work: (api: ApiClient) => Promise<void>) => work(shared().api);

  /** Instants that pass on another schedule: after three of them nothing can be on its way any more. */
  async function untilInstantsHavePassed(api: ApiClient): Promise<void> {
    const other = await createSchedule(api, 'quick.yaml', '* * * * * *', { overlap: 'ALLOW' });
    await untilEachTicked(() => api, [other], 3);
    await deleteSchedule(api, other);
  }

  /**
   * Changes so many schedules, each around its instant.
   * @param change what is done, and how much there is of the schedule right after
   * @returns that, by the ids of the schedules, when nothing of them can be on its way any more
   */
  async function changeAtTheInstant(
    api: ApiClient,
    rounds: number,
    playbook: string,
    change: (id: string) => Promise<number>,
  ): Promise<Map<string, number>> {
    const changed = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      const id = await createSchedule(api, playbook, '* * * * * *', { overlap: 'ALLOW' });
      await aroundTheSecond();
      changed.set(id, await change(id));
    }
    await untilInstantsHavePassed(api);
    return changed;
  }

  it.concurrent('starts nothing more once it was deleted', () =>
    withApi(async (api) => {
      const deleted = await changeAtTheInstant(api, times(15, 200), 'quick.yaml', async (id) => {
        await deleteSchedule(api, id);
        return (await listRuns(api, id)).length;
      });
      for (const [id, runs] of deleted) expect(await listRuns(api, id)).toHaveLength(runs);
    }));

  it.concurrent('fires nothing once it was paused', () =>
    withApi(async (api) => {
      const paused = await changeAtTheInstant(api, times(10, 50), 'quick.yaml', async (id) => {
        await updateSchedule(api, id, { enabled: false });
        return (await ticksOf(api, id)).length;
      });
      for (const [id, ticks] of paused) {
        const known = await ticksOf(api, id);
        expect(known).toHaveLength(ticks);
        // one that came just before is started, or was too late and is recorded so
        const started = known.filter(({ outcome }) => outcome === 'STARTED');
        expect(await listRuns(api, id)).toHaveLength(started.length);
      }
    }));

  it.concurrent('fires by its new timing only once it was edited, also while it runs', () =>
    withApi(async (api) => {
      const edited = await changeAtTheInstant(api, times(8, 50), 'slow.yaml', async (id) => {
        await updateSchedule(api, id, { timing: { cron: '0 0 1 1 *' } });
        return (await ticksOf(api, id)).length;
      });
      for (const [id, ticks] of edited) {
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

  it.concurrent('runs the playbook that it was changed to', () =>
    withApi(async (api) => {
      const id = await createSchedule(api, 'slow.yaml', '* * * * * *', { overlap: 'ALLOW' });
      await untilEachTicked(() => api, [id], 1);
      await updateSchedule(api, id, { playbook: 'quick.yaml' });
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
