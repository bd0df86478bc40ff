import { expect, it } from 'vitest';
import { type ApiClient, collect, joinBatches, type LogBatch, RUN_LOG } from '../support/api-client.ts';
import { findRun, readLog, runPlaybook, waitForEnd } from '../support/operations.ts';
import { printedLines } from '../support/printed.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';

const raw = (bytes: Buffer | string) => `# raw ${Buffer.from(bytes).toString('base64')}`;

const PLAYBOOKS = {
  'many.yaml': '# lines 1500 2\n- hosts: localhost\n',
  'odd.yaml': [
    '# print größe 日本 🚀 <img src=x onerror=alert(1)>',
    raw('10 %\r50 %\r100 %\n'),
    raw(Buffer.from([0x61, 0xff, 0xfe, 0x00, 0x62, 0x0a])),
    // one character, cut between two writes
    raw(Buffer.from('🚀').subarray(0, 2)),
    raw(Buffer.concat([Buffer.from('🚀').subarray(2), Buffer.from('\n\n')])),
    raw(`${'x'.repeat(200_000)}\n`),
    raw('no newline at the end'),
    '- hosts: localhost',
  ].join('\n'),
  'big.yaml': '# repeat 50000 100\n- hosts: localhost\n',
  'slow.yaml': `${raw('\u001b[31mred\u001b[0m\n')}\n# lines 40 100\n- hosts: localhost\n`,
  'a.yaml': '- hosts: localhost\n',
};

/** Reads a log in pieces: a connection is cut after a random number of events, and resumed with the last line held. */
async function readWithCuts(
  api: ApiClient,
  runId: string,
  transport: 'overWebSocket' | 'overSse',
  cuts: number,
): Promise<string> {
  const held: LogBatch[] = [];
  let last = 0;
  for (let cut = 0; cut <= cuts; cut += 1) {
    const events = api[transport]<{ runLog: LogBatch }>(RUN_LOG, { runId, after: last });
    let left = cut === cuts ? Number.POSITIVE_INFINITY : 1 + Math.floor(Math.random() * 3);
    for await (const { runLog } of events) {
      held.push(runLog);
      last = runLog.firstLine + runLog.lineCount - 1;
      left -= 1;
      if (left === 0) break;
    }
  }
  return joinBatches(held).text;
}

describeOnBothStorages('the log of a run', (choose) => {
  const shared = useServer(() => ({ storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS }));

  it.concurrent('is read without gap or repeat by subscribers that are cut and resumed 50 times, over both transports', async () => {
    const { api } = shared();
    const id = await runPlaybook(api, 'many.yaml');
    const [overSocket, overSse] = await Promise.all([
      readWithCuts(api, id, 'overWebSocket', 50),
      readWithCuts(api, id, 'overSse', 50),
    ]);
    const expected = printedLines(1_500);
    expect(overSocket).toBe(expected);
    expect(overSse).toBe(expected);
  });

  it.concurrent('holds whatever was printed: Unicode, progress, binary, long lines, no final newline', async () => {
    const { api } = shared();
    const id = await runPlaybook(api, 'odd.yaml');
    await waitForEnd(() => api, id);
    const { text } = await readLog(api, id);
    const lines = text.split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'größe 日本 🚀 <img src=x onerror=alert(1)>',
      '10 %\r50 %\r100 %',
      'a\ufffd\ufffd\0b',
      '🚀',
      '',
    ]);
    const long = lines.slice(5, -1);
    expect(long).toHaveLength(4);
    expect(long[0]).toMatch(/^x{65536} …\[line longer than 64 KiB, continued on the next line\]$/);
    expect(long.map((line) => line.replace(/ …\[.*$/, '')).join('')).toBe('x'.repeat(200_000));
    expect(lines.at(-1)).toBe('no newline at the end');
    const events = await collect(api.overWebSocket<{ runLog: LogBatch }>(RUN_LOG, { runId: id, after: 3 }));
    expect(
      joinBatches(
        events.map((event) => event.runLog),
        3,
      ).text,
    ).toBe(lines.slice(3).join('\n'));
  });

  it.concurrent('splits a single line of 5 MB and says so', async () => {
    const { api } = shared();
    const id = await runPlaybook(api, 'big.yaml');
    await waitForEnd(() => api, id);
    const { text, totalLines } = await readLog(api, id);
    expect(totalLines).toBe(Math.ceil(5_000_000 / 65_536));
    const joined = text.replaceAll(' …[line longer than 64 KiB, continued on the next line]\n', '');
    expect(joined === 'y'.repeat(5_000_000)).toBe(true);
  });

  it.concurrent('is tailed as plain text, live and from any line, without what a terminal would obey if asked so', async () => {
    const {
      api,
      server: { url },
    } = shared();
    const id = await runPlaybook(api, 'slow.yaml');
    const at = (query: string) => `${url}/runs/${encodeURIComponent(id)}/log${query}`;
    const textAt = async (query: string) => (await fetch(at(query))).text();
    const lines = `${printedLines(40)}\n`;

    const tail = await fetch(at('?follow'));
    expect(tail.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const pieces: string[] = [];
    let statusAtFirst = '';
    for await (const piece of tail.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      if (pieces.length === 0) statusAtFirst = (await findRun(api, id)).status;
      pieces.push(piece);
    }
    // it came while the run went on, and ended with it
    expect(statusAtFirst).toBe('RUNNING');
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.join('')).toBe(`\u001b[31mred\u001b[0m\n${lines}`);
    await waitForEnd(() => api, id);

    expect(await textAt('')).toBe(pieces.join(''));
    expect(await textAt('?follow=1&plain=1')).toBe(`red\n${lines}`);
    expect(await textAt('?follow=1&after=40')).toBe('line 40 of 40\n');
    expect(await textAt('?follow=0&after=41')).toBe('');
    expect((await fetch(at('?after=-1'))).status).toBe(400);
    // its answer would be the whole log, read for nobody
    expect((await fetch(at('?follow'), { method: 'HEAD' })).status).toBe(404);
  });

  it.concurrent('refuses a run that does not exist and a line that cannot be', async () => {
    const { api } = shared();
    for (const transport of ['overWebSocket', 'overSse'] as const) {
      await expect(collect(api[transport](RUN_LOG, { runId: 'UnVuOm5vbmU=' }))).rejects.toThrow(
        /NOT_FOUND|There is no run/,
      );
    }
    const id = await runPlaybook(api, 'a.yaml');
    await expect(collect(api.overSse(RUN_LOG, { runId: id, after: -1 }))).rejects.toThrow(/0 or more/);
    await waitForEnd(() => api, id);
    expect(await collect(api.overSse(RUN_LOG, { runId: id, after: 5 }))).toEqual([]);
  });
});
