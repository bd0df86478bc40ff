import { randomUUID } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { RunProcess } from '../../../../server/runner/runner.ts';
import { createRunLogService } from '../../../../server/services/logs/run-log-service.ts';
import type { RunLogStore, Storage } from '../../../../server/storage/storage.ts';
import { TIMINGS } from '../../../../server/timings.ts';
import { known, makeRunner, request } from '../../../support/make-runner.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const LIMIT = 400_000;
const NEVER = new AbortController().signal;
const serviceOn = (storage: Storage, runLogs: Partial<RunLogStore> = {}) =>
  createRunLogService({
    storage: { ...storage, runLogs: { ...storage.runLogs, ...runLogs } },
    timings: TIMINGS.logs,
    onError: () => undefined,
  });
const linesOf = async ({ runLogs }: Storage, runId: string) =>
  (await runLogs.read(runId, 'output', 0, { maxLines: 10_000_000, maxBytes: 1_000_000_000 })).text.split(
    '\n',
  );
const number = (text: string | undefined) => Number(text?.replaceAll(',', ''));

/** That these are the lines "1" to `count` within their limit, and that the remark tells exactly what is left out. */
function expectHeadAndTail(lines: readonly string[], count: number): void {
  const at = lines.findIndex((line) => line.startsWith('[Sible:'));
  expect(lines.filter((line) => line.startsWith('[Sible:'))).toHaveLength(1);
  const [head, tail] = [lines.slice(0, at), lines.slice(at + 1)];
  const first = number(tail[0]);
  expect(head).toEqual(Array.from({ length: at }, (_, i) => `${i + 1}`));
  expect(tail).toEqual(Array.from({ length: count - first + 1 }, (_, i) => `${first + i}`));
  const told = /lines ([\d,]+) to ([\d,]+) \(([\d,]+) lines, ([\d,]+) bytes\) are left out/.exec(
    lines[at] ?? '',
  );
  expect(told?.slice(1, 4).map(number)).toEqual([at + 1, first - 1, first - 1 - at]);
  let bytes = 0;
  for (let n = at + 1; n < first; n += 1) bytes += `${n}\n`.length;
  expect(number(told?.[4])).toBe(bytes);
  const kept = [...head, ...tail].join('\n').length;
  expect(kept).toBeLessThanOrEqual(LIMIT);
  expect(kept).toBeGreaterThan(LIMIT - 100);
  expect(tail.join('\n').length).toBeGreaterThan(LIMIT / 4 - 100);
}

it('of an output beyond its limit keeps the head and the tail, and says exactly what is left out', async () => {
  const storage = await openTempStorage();
  const { runner } = await makeRunner('seq 1 300000', { outputLimit: LIMIT });
  const id = randomUUID();
  await serviceOn(storage).ingest(runner.start(request(runner, id)), true, NEVER);
  expectHeadAndTail(await linesOf(storage, id), 300_000);
});

it('keeps all of an output that reaches its limit and does not exceed it', async () => {
  const storage = await openTempStorage();
  const { runner } = await makeRunner('seq 100001 157142; printf 123456', { outputLimit: LIMIT });
  const id = randomUUID();
  await serviceOn(storage).ingest(runner.start(request(runner, id)), true, NEVER);
  const lines = await linesOf(storage, id);
  expect(lines.join('\n').length).toBe(LIMIT);
  expect(lines).toHaveLength(57_143);
});

it.each([
  ['stores it', false],
  ['cannot store anything', true],
])('gives the disk back while the run goes on and %s', async (_, isBroken) => {
  const storage = await openTempStorage();
  const { runner, spool, program } = await makeRunner(
    'seq 1 3000000; until [ -e "$0.go" ]; do sleep 0.01; done',
    {
      outputLimit: LIMIT,
    },
  );
  const id = randomUUID();
  let isDown = isBroken;
  const append: RunLogStore['append'] = async (...args) => {
    if (isDown) throw new Error('down');
    return storage.runLogs.append(...args);
  };
  const ingesting = serviceOn(storage, { append }).ingest(runner.start(request(runner, id)), true, NEVER);
  const taken = () => statSync(spool(id, 'output.log')).blocks * 512;
  await waitUntil(() => statSync(spool(id, 'output.log')).size > 22_000_000 && taken() < 2 * LIMIT);
  isDown = false;
  writeFileSync(`${program}.go`, '');
  await ingesting;
  expectHeadAndTail(await linesOf(storage, id), 3_000_000);
});

it('a server that comes back after a kill goes on exactly', async () => {
  const storage = await openTempStorage();
  const COUNT = 1_000_000;
  const { runner, restart, spool, program } = await makeRunner(
    `for n in 0 1 2 3 4 5 6 7 8 9; do seq $((n * 100000 + 1)) $((n * 100000 + 100000)); until [ -e "$0.$n" ]; do sleep 0.01; done; done`,
    { outputLimit: LIMIT },
  );
  const id = randomUUID();
  let process: RunProcess = runner.start(request(runner, id));
  let last = runner;
  for (let n = 0; n < 10; n += 1) {
    const killed = new AbortController();
    const ingesting = serviceOn(storage)
      .ingest(process, n === 0, killed.signal)
      .catch(() => 'killed');
    const size = () => statSync(spool(id, 'output.log')).size;
    await waitUntil(
      () => size() > 588_000 + n * 600_000 && (n === 0 || existsSync(spool(id, 'output.left-out'))),
    );
    if (n === 9) {
      writeFileSync(`${program}.9`, '');
      await ingesting;
      break;
    }
    killed.abort();
    await ingesting;
    await last.close();
    writeFileSync(`${program}.${n}`, '');
    last = restart();
    const taken = await last.reattach(known(id));
    if (taken.kind !== 'attached') throw new Error(taken.kind);
    process = taken.process;
  }
  expectHeadAndTail(await linesOf(storage, id), COUNT);
});

it('goes on exactly where the server is killed between head, remark and tail', async () => {
  const storage = await openTempStorage();
  const { runner, restart } = await makeRunner('seq 1 1000000', { outputLimit: LIMIT });
  const id = randomUUID();
  let process: RunProcess = runner.start(request(runner, id));
  await process.exit;
  let last = runner;
  // one more chunk in each life
  for (let life = 1; ; life += 1) {
    const killed = new AbortController();
    let appended = 0;
    const append: RunLogStore['append'] = async (runId, stream, chunk) => {
      if (stream === 'output' && appended === 1) {
        killed.abort();
        throw new Error('killed');
      }
      const isStored = await storage.runLogs.append(runId, stream, chunk);
      if (stream === 'output') appended += 1;
      return isStored;
    };
    const end = await serviceOn(storage, { append })
      .ingest(process, life === 1, killed.signal)
      .catch(() => 'killed');
    if (end !== 'killed') break;
    await last.close();
    last = restart();
    const taken = await last.reattach(known(id));
    if (taken.kind !== 'attached') throw new Error(taken.kind);
    process = taken.process;
    expect(life).toBeLessThan(50);
  }
  expectHeadAndTail(await linesOf(storage, id), 1_000_000);
});

it('also leaves out a part of a line that never ends', async () => {
  const storage = await openTempStorage();
  const { runner } = await makeRunner('echo begin; head -c 3000000 /dev/zero | tr "\\0" x; echo; echo end', {
    outputLimit: LIMIT,
  });
  const id = randomUUID();
  await serviceOn(storage).ingest(runner.start(request(runner, id)), true, NEVER);
  const lines = await linesOf(storage, id);
  expect(lines[0]).toBe('begin');
  expect(lines.at(-1)).toBe('end');
  expect(lines.filter((line) => /a part of a line \([\d,]+ bytes\) is left out/.test(line))).toHaveLength(1);
  expect(lines.join('\n').length).toBeLessThan(LIMIT + 2_000);
});
