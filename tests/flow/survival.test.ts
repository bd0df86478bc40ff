import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { endReason } from '../support/end-reason.ts';
import {
  cancelRun,
  findRun,
  listRuns,
  readLog,
  runPlaybook,
  waitForEnd,
  waitForStatus,
} from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { processesOf } from '../support/processes.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'stubborn.yaml':
    '# ignore-term\n# leave-behind 600000\n# print ready\n# sleep 600000\n- hosts: localhost\n',
  'wait.yaml': '# print begun\n# sleep 600000\n- hosts: localhost\n',
  'dies.yaml': '# print last words\n# kill-self\n- hosts: localhost\n',
};
const MOMENTS = 10;

describeOnBothStorages('survival', (choose) => {
  const shared = useServer(() => ({
    storage: choose(),
    ansible: 'scripted',
    env: { SIBLE_CONCURRENCY: '1' },
    playbooks: PLAYBOOKS,
  }));

  it('a server that is killed at any moment finds the true end and every line, each time', () =>
    withServer(
      {
        storage: choose(),
        ansible: 'scripted',
        playbooks: { 'long.yaml': '# lines 25 20\n# exit 7\n- hosts: localhost\n' },
      },
      async (test) => {
        for (let round = 0; round < MOMENTS; round += 1) {
          const id = await runPlaybook(test.api, 'long.yaml');
          // the moment is what is tried, from before the first line to behind the last, and no condition is waited for
          await delay(round * 70);
          await test.server.kill();
          await test.restart();
          const run = await waitForEnd(() => test.api, id);
          expect(run, `round ${round}: ${test.server.output()}`).toMatchObject({
            status: 'FAILED',
            exitCode: 7,
          });
          expect(await readLog(test.api, id)).toEqual({
            text: printedLines(25),
            totalLines: 25,
            complete: true,
          });
        }
        expect(await listRuns(test.api)).toHaveLength(MOMENTS);
        expect(readdirSync(join(test.dataDir, 'runs'))).toEqual([]);
      },
    ));

  it('a cancelled run leaves no process behind, and says that it was cancelled', async () => {
    const { api } = shared();
    const id = await runPlaybook(api, 'stubborn.yaml');
    await waitUntil(async () => (await readLog(api, id)).totalLines > 0, { withinMs: 15_000 });
    expect(processesOf(id).length).toBeGreaterThan(0);
    await cancelRun(api, id);
    expect(await waitForEnd(() => api, id)).toMatchObject({
      status: 'CANCELED',
      reason: endReason('Canceled on request.'),
    });
    expect(processesOf(id)).toEqual([]);
  });

  it('a queued run is cancelled without starting, and a finished one cannot be', async () => {
    const { api } = shared();
    const first = await runPlaybook(api, 'wait.yaml');
    await waitForStatus(() => api, first, 'RUNNING');
    const second = await runPlaybook(api, 'wait.yaml');
    await cancelRun(api, second);
    expect(await findRun(api, second)).toMatchObject({ status: 'CANCELED', exitCode: null });
    await cancelRun(api, first);
    await waitForEnd(() => api, first);
    const { cancelRun: again } = await api.request<{ cancelRun: object }>(
      'mutation ($id: ID!) { cancelRun(input: { id: $id }) { __typename ... on Error { message } } }',
      { id: first },
    );
    expect(again).toMatchObject({ __typename: 'InvalidStateError' });
  });

  it('a playbook that is killed from outside has failed by that signal', async () => {
    const { api } = shared();
    const id = await runPlaybook(api, 'dies.yaml');
    expect(await waitForEnd(() => api, id)).toMatchObject({
      status: 'FAILED',
      exitCode: null,
      reason: endReason('It was killed by SIGKILL.'),
    });
    expect((await readLog(api, id)).text).toBe('last words');
  });
});
