import { expect, it } from 'vitest';
import { findRun, readLog, runPlaybook, waitForEnd, waitForStatus } from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { processesOf } from '../support/processes.ts';
import { times } from '../support/soak.ts';
import { describeOnBothStorages, SQLITE, type StorageChoice } from '../support/storages.ts';
import { withStoredEvents } from '../support/stored-events.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type TestServer, withServer } from '../support/with-server.ts';

/** Read from the database as they are stored, whatever is made of them. */

const PLAYBOOKS = {
  // as many lines and events by turns
  'both.yaml': '# both 600 20\n# exit 3\n- hosts: localhost\n',
  'alone.yaml': '# both 200 20\n# exit 3\n- hosts: localhost\n',
  'many.yaml': '# events 200000\n- hosts: localhost\n',
  'killed.yaml': '# events 500\n# event no newline behind it\n# kill-self\n- hosts: localhost\n',
  'waits.yaml': '# events 5\n# sleep 600000\n- hosts: localhost\n',
};
const eventsUpTo = (count: number) => Array.from({ length: count }, (_, i) => `{"n":${i + 1}}`);

const HELLO = `- hosts: localhost
  connection: local
  gather_facts: false
  tasks: [{ debug: { msg: hello } }]
`;

describeOnBothStorages('the events of a run', (choose) => {
  let storage: StorageChoice;
  const shared = useServer(() => {
    storage = choose();
    return { storage, ansible: 'scripted', playbooks: PLAYBOOKS };
  });
  const withScripted = (work: (test: TestServer, storage: StorageChoice) => Promise<void>) =>
    work(shared(), storage);

  it('are stored while it goes on, each once and in order, although the server is killed again and again', () =>
    withScripted((test, storage) =>
      withStoredEvents(test, storage, async (events) => {
        const id = await runPlaybook(test.api, 'both.yaml');
        let kills = 0;
        for (; kills < times(4, 20); kills += 1) {
          const before = (await events.of(id)).length;
          const isGoingOn = async () => (await findRun(test.api, id)).status === 'RUNNING';
          await waitUntil(async () => (await events.of(id)).length > before || !(await isGoingOn()), {
            withinMs: 30_000,
          });
          if (!(await isGoingOn())) break;
          await test.server.kill();
          await test.restart();
        }
        expect(kills).toBeGreaterThan(1);

        const run = await waitForEnd(() => test.api, id);

        expect(run).toMatchObject({ status: 'FAILED', exitCode: 3 });
        expect(await events.of(id)).toEqual(eventsUpTo(600));
        expect((await readLog(test.api, id)).text).toBe(printedLines(600));
      }),
    ));

  it('are all there when it has ended, also of one that ended while no server lived, and of very many', () =>
    withScripted((test, storage) =>
      withStoredEvents(test, storage, async (events) => {
        const many = await runPlaybook(test.api, 'many.yaml');
        const ended = await runPlaybook(test.api, 'alone.yaml');
        await waitForStatus(() => test.api, ended, 'RUNNING');
        await test.server.kill();
        await waitUntil(() => processesOf(ended).length === 0, { withinMs: 60_000, everyMs: 100 });
        await test.restart();

        await waitForEnd(() => test.api, ended);
        await waitForEnd(() => test.api, many);

        expect(await events.of(ended)).toEqual(eventsUpTo(200));
        expect((await events.of(many)).join('\n') === eventsUpTo(200_000).join('\n')).toBe(true);
      }),
    ));

  it('are complete when the program is killed, by itself or on request', () =>
    withScripted((test, storage) =>
      withStoredEvents(test, storage, async (events) => {
        const killed = await runPlaybook(test.api, 'killed.yaml');
        const canceled = await runPlaybook(test.api, 'waits.yaml');
        await waitUntil(async () => (await events.of(canceled)).length === 5, { withinMs: 30_000 });
        for (const pid of processesOf(canceled)) process.kill(Number(pid), 'SIGKILL');

        expect(await waitForEnd(() => test.api, killed)).toMatchObject({ status: 'FAILED' });
        await waitForEnd(() => test.api, canceled);

        expect(await events.of(killed)).toEqual([...eventsUpTo(500), 'no newline behind it']);
        expect(await events.of(canceled)).toEqual(eventsUpTo(5));
      }),
    ));
});

// one storage: what is stored of them, and how, was shown above
it('the events of a run are what our callback plugin tells of a run of the real Ansible', () =>
  withServer({ storage: SQLITE, ansible: 'real', playbooks: { 'hello.yaml': HELLO } }, (test) =>
    withStoredEvents(test, SQLITE, async (events) => {
      const id = await runPlaybook(test.api, 'hello.yaml');
      expect(await waitForEnd(() => test.api, id)).toMatchObject({ status: 'SUCCEEDED' });

      const kinds = (await events.of(id)).map((line) => (JSON.parse(line) as { kind: string }).kind);
      expect(kinds).toEqual(['begin', 'play', 'task', 'result', 'recap', 'end']);
    }),
  ));
