import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { TIMINGS } from '../../server/timings.ts';
import { type ApiClient, RUN_LOG } from '../support/api-client.ts';
import { frame, rawUpgrade, TEXT } from '../support/attacks/floods.ts';
import { findRun, runPlaybook, waitForEnd } from '../support/operations.ts';
import { countedLines } from '../support/printed.ts';
import { memoryOf } from '../support/processes.ts';
import { subscribe } from '../support/raw-socket.ts';
import { times } from '../support/soak.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { download, tail } from '../support/whole-log.ts';
import { type TestServer, withServer } from '../support/with-server.ts';

const PLAYBOOKS = {
  'million.yaml': '# count 1000000\n- hosts: localhost\n',
  'one-line.yaml': '# repeat 50000 1000\n- hosts: localhost\n',
  'flood.yaml': '# count 200000\n- hosts: localhost\n',
};

/** Between looks at a server that works; who asks without a pause is what it works for. */
const LOOK_MS = 20;

/** Runs the playbook, and how long that takes. */
async function timeRun(api: ApiClient, playbook: string): Promise<number> {
  const begun = performance.now();
  const id = await runPlaybook(api, playbook);
  expect((await waitForEnd(() => api, id)).status).toBe('SUCCEEDED');
  return performance.now() - begun;
}

/** How fast logs are taken, and at what cost: measured with the timings of a server in earnest. */
describeOnBothStorages('the log', (choose) => {
  const withScripted = (work: (test: TestServer) => Promise<void>) =>
    withServer({ storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS, timings: TIMINGS }, work);

  it('of a million lines is kept whole under a viewer, while the server goes on answering', () =>
    withScripted(async (test) => {
      const id = await runPlaybook(test.api, 'million.yaml');
      const watched = tail(test.api, id);
      const answers: number[] = [];
      while ((await findRun(test.api, id)).status !== 'SUCCEEDED') {
        const begun = performance.now();
        await fetch(`${test.server.url}/healthz`);
        answers.push(performance.now() - begun);
        await delay(LOOK_MS);
      }
      const expected = countedLines(1_000_000);
      expect((await watched) === expected).toBe(true);
      expect((await download(test, id)).toString() === `${expected}\n`).toBe(true);
      answers.sort((a, b) => a - b);
      expect(answers[Math.floor(answers.length * 0.99)]).toBeLessThan(1_000);
    }));

  it('of one line of 50 MB is split, says so, and takes no memory of that size', () =>
    withScripted(async (test) => {
      const before = memoryOf(test.server.pid).now;
      const id = await runPlaybook(test.api, 'one-line.yaml');
      expect((await waitForEnd(() => test.api, id)).status).toBe('SUCCEEDED');
      expect(memoryOf(test.server.pid).peak - before).toBeLessThan(200);
      const lines = (await download(test, id)).toString().split('\n');
      expect(lines.at(-1)).toBe('');
      const mark = ' …[line longer than 64 KiB, continued on the next line]';
      expect(lines.slice(0, -2).every((line) => line.endsWith(mark))).toBe(true);
      const letters = lines.reduce((sum, line) => sum + line.replace(mark, '').length, 0);
      expect(letters).toBe(50_000_000);
    }));

  it('is written as fast under many readers that hardly read, which take no growing memory', () =>
    withScripted(async (test) => {
      await timeRun(test.api, 'flood.yaml');
      const alone = Math.min(await timeRun(test.api, 'flood.yaml'), await timeRun(test.api, 'flood.yaml'));
      const before = memoryOf(test.server.pid).now;
      const id = await runPlaybook(test.api, 'flood.yaml');
      const count = times(100, 1_000);
      const sockets = await Promise.all(Array.from({ length: count }, () => readSlowly(test.server.url, id)));
      await waitForEnd(() => test.api, id);
      const beside = Math.min(await timeRun(test.api, 'flood.yaml'), await timeRun(test.api, 'flood.yaml'));
      // a benchmark measures it; here only what would be a queue for each reader is caught
      expect(beside).toBeLessThan(Math.max(alone * 3, alone + 1_000));
      expect(memoryOf(test.server.pid).now - before).toBeLessThan(300);
      for (const socket of sockets) socket.destroy();
      expect(await tail(test.api, id)).toBe(countedLines(200_000));
    }));
});

/** A client that subscribes, and then leaves what comes in the network. */
async function readSlowly(url: string, runId: string): Promise<Socket> {
  const socket = rawUpgrade(url).resume();
  await once(socket, 'data');
  socket.write(frame(TEXT, '{"type":"connection_init"}'));
  await once(socket, 'data');
  socket.pause();
  socket.write(frame(TEXT, JSON.stringify(subscribe('1', RUN_LOG, { runId, after: 0 }))));
  return socket;
}
