import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { endReason } from '../support/end-reason.ts';
import { listRuns, readLog, runPlaybook, waitForEnd, waitForStatus } from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { processesOf, processIds } from '../support/processes.ts';
import { times } from '../support/soak.ts';
import { describeOnBothStorages, SQLITE } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type TestServer, withServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'slow.yaml': '# lines 100 20\n# exit 5\n- hosts: localhost\n',
  'long.yaml': '# lines 30 40\n# until back\n# print the end\n- hosts: localhost\n',
  'orphans.yaml': '# leave-behind 600000\n# print ready\n# sleep 600000\n- hosts: localhost\n',
  'short.yaml': '# exit 2\n- hosts: localhost\n',
};

const countFds = ({ server }: TestServer) => readdirSync(`/proc/${server.pid}/fd`).length;

/** Children of the server, and theirs, that have ended and were not taken note of. */
function zombiesOf({ server }: TestServer): number[] {
  const stats = processIds().flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid, state, parent: Number(parent) }];
    } catch {
      return [];
    }
  });
  const own = new Set([server.pid]);
  for (const { pid, parent } of stats) if (own.has(parent)) own.add(pid);
  return stats.filter(({ parent, state }) => own.has(parent) && state === 'Z').map(({ pid }) => pid);
}

/** Starts a run that goes on, and kills the one of its processes whose command holds this. @returns its id */
async function killOneOf(api: ApiClient, command: string): Promise<string> {
  const id = await runPlaybook(api, 'orphans.yaml');
  await waitUntil(async () => (await readLog(api, id)).totalLines > 0, { withinMs: 20_000 });
  const found = processesOf(id).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(command));
  process.kill(Number(found), 'SIGKILL');
  return id;
}

describeOnBothStorages('the server', (choose) => {
  const withScripted = (work: (test: TestServer) => Promise<void>, env: Record<string, string> = {}) =>
    withServer({ storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS, env }, work);

  it.concurrent('killed at a random moment of a run runs nothing twice and finds the true end', () =>
    withScripted(async (test) => {
      for (let round = 0; round < times(4, 50); round += 1) {
        const id = await runPlaybook(test.api, 'slow.yaml');
        await delay(Math.random() * 2_500);
        await test.server.kill();
        await test.restart();
        expect(await waitForEnd(() => test.api, id)).toMatchObject({ status: 'FAILED', exitCode: 5 });
        expect((await readLog(test.api, id)).text).toBe(printedLines(100));
        expect(processesOf(id)).toEqual([]);
        expect(await listRuns(test.api)).toHaveLength(round + 1);
      }
    }));

  it.concurrent('stopped in the middle of three runs ends at once with 0, and takes them up again', () =>
    withScripted(
      async (test) => {
        const ids = await Promise.all([1, 2, 3].map(() => runPlaybook(test.api, 'long.yaml')));
        for (const id of ids) {
          await waitForStatus(() => test.api, id, 'RUNNING');
          await waitUntil(async () => (await readLog(test.api, id)).totalLines > 10, { withinMs: 20_000 });
        }
        const begun = performance.now();
        expect(await test.server.stop()).toBe(0);
        expect(performance.now() - begun).toBeLessThan(8_000);
        expect(ids.every((id) => processesOf(id).length > 0)).toBe(true);
        await test.restart();
        test.writePlaybook('back', '');
        for (const id of ids) {
          expect(await waitForEnd(() => test.api, id)).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 });
          expect((await readLog(test.api, id)).text).toBe(`${printedLines(30)}\nthe end`);
        }
      },
      { SIBLE_CONCURRENCY: '3' },
    ));
});

/**
 * On one storage: how a run ends, and what it leaves, is its process's. That such an end is kept on both is shown in
 * tests/contract/run-store-contract.ts and outbox-contract.ts.
 */
describe('the server', () => {
  const withScripted = (work: (test: TestServer) => Promise<void>, env: Record<string, string> = {}) =>
    withServer({ storage: SQLITE, ansible: 'scripted', playbooks: PLAYBOOKS, env }, work);

  it.concurrent('leaves nothing of a playbook whose program was killed, and says by which signal; of one whose supervisor was killed it finds no end, and says so', () =>
    withScripted(async ({ api }) => {
      const id = await killOneOf(api, 'node\0');
      expect(await waitForEnd(() => api, id)).toMatchObject({
        status: 'FAILED',
        exitCode: null,
        reason: endReason('It was killed by SIGKILL.'),
      });
      expect(processesOf(id)).toEqual([]);

      const other = await killOneOf(api, 'supervisor.sh');
      const run = await waitForStatus(() => api, other, 'LOST', 'FAILED');
      expect(run).toMatchObject({ status: 'LOST', reason: expect.stringContaining('supervisor') });
      expect(processesOf(other)).toEqual([]);
    }));

  it.concurrent('ends a run that takes longer than it may, with everything that it started', () =>
    withScripted(
      async ({ api }) => {
        const id = await runPlaybook(api, 'orphans.yaml');
        expect(await waitForEnd(() => api, id)).toMatchObject({
          status: 'TIMED_OUT',
          reason: endReason('It took longer than its limit of 2 s and was ended.'),
        });
        expect(processesOf(id)).toEqual([]);
        expect((await readLog(api, id)).text).toBe('ready');
      },
      { SIBLE_RUN_TIMEOUT_SECONDS: '2' },
    ));

  it.concurrent('has no zombie and no more open files after many short runs than before', () =>
    withScripted(
      async (test) => {
        const run = async (count: number) => {
          const ids: string[] = [];
          for (let n = 0; n < count; n += 1) ids.push(await runPlaybook(test.api, 'short.yaml'));
          for (const id of ids) await waitForEnd(() => test.api, id);
        };
        await run(10);
        const before = await waitUntil(() => countFds(test));
        await run(times(60, 500));
        await waitUntil(() => zombiesOf(test).length === 0, { withinMs: 10_000, everyMs: 100 });
        await waitUntil(() => countFds(test) <= before + 5, { withinMs: 10_000, everyMs: 100 });
      },
      { SIBLE_CONCURRENCY: '4' },
    ));
});
