import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { collect, createApiClient, joinBatches, type LogBatch, RUN_LOG } from '../support/api-client.ts';
import {
  cancelRun,
  findRun,
  readLog,
  runPlaybook,
  waitForEnd,
  waitForStatus,
} from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { times } from '../support/soak.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { download, tail } from '../support/whole-log.ts';
import type { TestServer } from '../support/with-server.ts';

const raw = (bytes: Buffer | string) => `# raw ${Buffer.from(bytes).toString('base64')}`;
const PLAYBOOKS = {
  'bytes.yaml': [
    raw(Buffer.from([0x80, 0xff, 0xfe, 0x00, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf8, 0x0a])),
    raw(Buffer.from('日本🚀').subarray(0, 7)),
    raw(Buffer.concat([Buffer.from('日本🚀').subarray(7), Buffer.from('\n')])),
    raw(
      '\u001b]52;c;aGk=\u0007\u001b]8;;javascript:alert(1)\u001b\\link\u001b]8;;\u001b\\\u001b[2J\u001b[31mred\u001b[0m\n',
    ),
    '- hosts: localhost',
  ].join('\n'),
  'ticking.yaml': '# lines 600 5\n- hosts: localhost\n',
  'wait.yaml': '# print begun\n# sleep 600000\n- hosts: localhost\n',
};

/** Connections of clients, and files of the data folder: those to the database are a pool, which grows when it is busy. */
function countHeld({ server, dataDir }: TestServer): number {
  const port = Number(new URL(server.url).port).toString(16).toUpperCase().padStart(4, '0');
  const connections = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => new RegExp(`^\\s*\\d+: [0-9A-F]{8}:${port} \\S+ 01 `).test(line));
  const files = readdirSync(`/proc/${server.pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${server.pid}/fd/${fd}`).startsWith(dataDir);
    } catch {
      return false;
    }
  });
  return connections.length + files.length;
}

describeOnBothStorages('the log', (choose) => {
  const shared = useServer(() => ({
    storage: choose(),
    ansible: 'scripted',
    playbooks: PLAYBOOKS,
    env: { SIBLE_CONCURRENCY: '1' },
  }));
  const withScripted = (work: (test: TestServer) => Promise<void>) => work(shared());

  it('of bytes that are no UTF-8 and of escape sequences is kept as text, the same over every way', () =>
    withScripted(async (test) => {
      const id = await runPlaybook(test.api, 'bytes.yaml');
      await waitForEnd(() => test.api, id);
      const { text } = await readLog(test.api, id);
      const [garbage, unicode, escapes] = text.split('\n');
      expect(garbage).toBe(
        Buffer.from([0x80, 0xff, 0xfe, 0x00, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xf8]).toString('utf8'),
      );
      expect(unicode).toBe('日本🚀');
      expect(escapes).toContain('\u001b]52;c;');
      expect(await tail(test.api, id)).toBe(text);
      expect((await download(test, id)).toString()).toBe(`${text}\n`);
    }));

  it('keeps no listener and no file of clients that left in the middle', () =>
    withScripted(async (test) => {
      const id = await runPlaybook(test.api, 'wait.yaml');
      await waitUntil(async () => (await readLog(test.api, id)).totalLines === 1, { withinMs: 20_000 });
      const message = (type: string, payload: object) => JSON.stringify({ id: '1', type, payload });
      const comeAndLeave = async () => {
        await Promise.all(
          Array.from({ length: 100 }, async (_, n) => {
            const socket = new WebSocket(
              `${test.server.url.replace('http', 'ws')}/graphql`,
              'graphql-transport-ws',
            );
            socket.on('error', () => undefined);
            await new Promise((resolve) => socket.once('open', resolve));
            socket.send(message('connection_init', {}));
            await new Promise((resolve) => socket.once('message', resolve));
            socket.send(message('subscribe', { query: RUN_LOG, variables: { runId: id, after: 0 } }));
            if (n % 2 === 0) await new Promise((resolve) => socket.once('message', resolve));
            socket.terminate();
          }),
        );
        const aborts = Array.from({ length: 20 }, () => new AbortController());
        const reading = aborts.map(async (abort) => {
          for await (const _ of test.api.overSse(RUN_LOG, { runId: id }, abort.signal)) abort.abort();
        });
        await Promise.allSettled(reading);
      };
      await comeAndLeave();
      await waitUntil(async () =>
        /^sible_websockets_open 0$/m.test(await (await fetch(`${test.server.url}/metrics`)).text()),
      );
      const held = countHeld(test);
      for (let round = 0; round < times(3, 10); round += 1) await comeAndLeave();
      await waitUntil(() => countHeld(test) <= held + 3, { withinMs: 10_000, everyMs: 100 });
      const metrics = await (await fetch(`${test.server.url}/metrics`)).text();
      expect(metrics).toMatch(/^sible_websockets_open 0$/m);
      await cancelRun(test.api, id);
    }));

  it('is read from any line, whenever it is asked for: before it began, while it is made, and after its end', () =>
    withScripted(async (test) => {
      const { api } = test;
      const [holding, running] = [
        await runPlaybook(api, 'wait.yaml'),
        await runPlaybook(api, 'ticking.yaml'),
      ];
      expect((await findRun(api, running)).status).toBe('QUEUED');
      const early = tail(api, running);
      await cancelRun(api, holding);
      await waitForStatus(() => api, running, 'RUNNING');
      const live = tail(api, running, 0);
      await waitForEnd(() => api, running);
      const whole = printedLines(600);
      for (const text of [await early, await live, await tail(api, running)]) expect(text).toBe(whole);
      for (const after of [1, 599, 600, 10_000]) {
        expect(await tail(api, running, after)).toBe(whole.split('\n').slice(after).join('\n'));
      }
    }));

  it('is resumed 100 times at random without a gap or a repeat, each time by a new client', () =>
    withScripted(async (test) => {
      const id = await runPlaybook(test.api, 'ticking.yaml');
      const held: LogBatch[] = [];
      let last = 0;
      for (let cut = 0; cut < times(30, 100); cut += 1) {
        const client = createApiClient(test.server.url);
        let left = 1 + Math.floor(Math.random() * 4);
        for await (const { runLog } of client.overWebSocket<{ runLog: LogBatch }>(RUN_LOG, {
          runId: id,
          after: last,
        })) {
          held.push(runLog);
          last = runLog.firstLine + runLog.lineCount - 1;
          left -= 1;
          if (left === 0) break;
        }
        await client.close();
      }
      const events = await collect(
        test.api.overSse<{ runLog: LogBatch }>(RUN_LOG, { runId: id, after: last }),
      );
      held.push(...events.map(({ runLog }) => runLog));
      expect(joinBatches(held).text).toBe((await readLog(test.api, id)).text);
    }));
});
