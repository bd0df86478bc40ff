import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { LogStream } from '../../../../server/domain/logs/run-log.ts';
import type { RunProcess } from '../../../../server/runner/runner.ts';
import { createRunLogService } from '../../../../server/services/logs/run-log-service.ts';
import type { RunLogStore, Storage } from '../../../../server/storage/storage.ts';
import { TIMINGS } from '../../../../server/timings.ts';
import { known, makeRunner, request } from '../../../support/make-runner.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const COUNT = 200;
/** Writes a line to each stream by turns. */
const BOTH = `n=0; while [ $n -lt ${COUNT} ]; do n=$((n + 1)); echo "line $n"; echo "{\\"n\\":$n}" >>"$SIBLE_EVENTS"; sleep 0.005; done`;
const EXPECTED: Readonly<Record<LogStream, string>> = {
  output: Array.from({ length: COUNT }, (_, i) => `line ${i + 1}`).join('\n'),
  events: Array.from({ length: COUNT }, (_, i) => `{"n":${i + 1}}`).join('\n'),
};

const NEVER = new AbortController().signal;
const serviceOn = (storage: Storage, runLogs: Partial<RunLogStore> = {}) =>
  createRunLogService({
    storage: { ...storage, runLogs: { ...storage.runLogs, ...runLogs } },
    timings: TIMINGS.logs,
    onError: () => undefined,
  });
const textOf = async ({ runLogs }: Storage, runId: string, stream: LogStream) =>
  (await runLogs.read(runId, stream, 0, { maxLines: 1_000_000, maxBytes: 100_000_000 })).text;
const countOf = async ({ runLogs }: Storage, runId: string) =>
  (await runLogs.head(runId, 'events')).totalLines;

it('a process that takes over from one that was killed stores each line of each stream once', async () => {
  const storage = await openTempStorage();
  const { runner, restart } = await makeRunner(BOTH);
  const id = randomUUID();
  let process: RunProcess = runner.start(request(runner, id));
  let last = runner;
  for (let round = 1; round <= 3; round += 1) {
    const killed = new AbortController();
    const ingesting = serviceOn(storage)
      .ingest(process, round === 1, killed.signal)
      .catch(() => 'killed');
    await waitUntil(async () => (await countOf(storage, id)) >= round * 20);
    killed.abort();
    expect(await ingesting).toBe('killed');
    await last.close();
    last = restart();
    const taken = await last.reattach(known(id));
    if (taken.kind !== 'attached') throw new Error(taken.kind);
    process = taken.process;
  }

  await serviceOn(storage).ingest(process, false, NEVER);

  expect(await textOf(storage, id, 'output')).toBe(EXPECTED.output);
  expect(await textOf(storage, id, 'events')).toBe(EXPECTED.events);
});

it('two nodes that both take a run for theirs store each line of each stream once', async () => {
  const storage = await openTempStorage();
  const { runner, restart } = await makeRunner(BOTH);
  const id = randomUUID();
  const process = runner.start(request(runner, id));
  const first = serviceOn(storage).ingest(process, true, NEVER);
  await waitUntil(async () => (await countOf(storage, id)) >= 20);
  const taken = await restart().reattach(known(id));
  if (taken.kind !== 'attached') throw new Error(taken.kind);

  await Promise.all([first, serviceOn(storage).ingest(taken.process, false, NEVER)]);

  expect(await textOf(storage, id, 'output')).toBe(EXPECTED.output);
  expect(await textOf(storage, id, 'events')).toBe(EXPECTED.events);
});

it.each(['output', 'events'] as const)(
  'while the %s cannot be stored, the other stream is, and it is when that works again',
  async (broken) => {
    const storage = await openTempStorage();
    const { runner } = await makeRunner(BOTH);
    const id = randomUUID();
    const { append } = storage.runLogs;
    const other = broken === 'output' ? 'events' : 'output';
    let isAway = true;
    const service = serviceOn(storage, {
      append: async (runId, stream, chunk) => {
        if (stream === broken && isAway) throw new Error('away');
        return append(runId, stream, chunk);
      },
    });
    const stored = service.ingest(runner.start(request(runner, id)), true, NEVER);
    await waitUntil(async () => (await textOf(storage, id, other)) === EXPECTED[other]);
    expect(await textOf(storage, id, broken)).toBe('');
    isAway = false;

    await stored;
    expect(await textOf(storage, id, broken)).toBe(EXPECTED[broken]);
  },
);

it('events reach the store while the run goes on, and the last one also without a newline', async () => {
  const storage = await openTempStorage();
  const { runner, spool, program } = await makeRunner(
    'printf "one\\ntwo" >>"$SIBLE_EVENTS"; while [ ! -e "$0.end" ]; do sleep 0.02; done',
  );
  const id = randomUUID();
  const stored = serviceOn(storage).ingest(runner.start(request(runner, id)), true, NEVER);
  await waitUntil(async () => (await countOf(storage, id)) === 1);
  expect(readFileSync(spool(id, 'events.jsonl'), 'utf8')).toBe('one\ntwo');
  appendFileSync(`${program}.end`, '');

  await stored;
  expect(await textOf(storage, id, 'events')).toBe('one\ntwo');
});
