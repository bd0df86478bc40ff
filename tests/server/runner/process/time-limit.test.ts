import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { known, makeRunner, outputOf, request, stateOf } from '../../../support/make-runner.ts';
import { killRun, processesOf } from '../../../support/processes.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** Two processes that ignore the request to end, one of them in a session of its own; the second one prints its id. */
const STAYS = `trap '' TERM; setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 0.1; done' & while :; do sleep 0.1; done`;

const idOf = (runId: string) => Buffer.from(`Run:${runId}`).toString('base64');

async function startLimited(timeoutMs: number | null, script = STAYS) {
  const made = await makeRunner(script);
  const id = randomUUID();
  const running = made.runner.start({ ...request(made.runner, id), timeoutMs });
  onTestFinished(() => killRun(idOf(id)));
  return { ...made, id, running, processes: () => processesOf(idOf(id)) };
}

it('a run that takes longer than its limit is ended with all its processes, and says so', async () => {
  const { running, processes } = await startLimited(700);
  await waitUntil(() => processes().length >= 3);

  const exit = await running.exit;

  expect(exit).toMatchObject({ isTimedOut: true, isCanceled: false, isLost: false });
  expect(exit.reason).toBe('It took longer than its limit of 0.7 s and was ended.');
  expect(exit.finishedAt.getTime() - running.startedAt.getTime()).toBeGreaterThanOrEqual(700);
  expect(processes()).toEqual([]);
});

it('one that ends in time keeps its own end', async () => {
  const { running } = await startLimited(60_000, 'echo done; exit 3');
  expect(await outputOf(running)).toBe('done\n');
  expect(await running.exit).toMatchObject({ exitCode: 3, isTimedOut: false });
});

it('a limit that is longer than any timer of Node, 30 days, ends nothing before its time', async () => {
  const { running } = await startLimited(2_592_000_000, 'sleep 0.3; exit 3');
  expect(await running.exit).toMatchObject({ exitCode: 3, isTimedOut: false });
});

it('the limit goes on over a restart of the server, counted from the start of the run', async () => {
  const { id, running, runner, restart, processes } = await startLimited(null);
  await waitUntil(() => processes().length >= 3);
  await runner.close();
  const taken = await restart().reattach({ ...known(id), startedAt: running.startedAt, timeoutMs: 1_500 });
  if (taken.kind !== 'attached') throw new Error(taken.kind);
  const exit = await taken.process.exit;
  expect(exit).toMatchObject({ isTimedOut: true, isCanceled: false, isLost: false });
  expect(exit.reason).toBe('It took longer than its limit of 1.5 s and was ended.');
  expect(exit.finishedAt.getTime() - running.startedAt.getTime()).toBeLessThan(15_000);
  expect(processes()).toEqual([]);
});

it('a run whose limit has passed while no server lived is ended when one comes', async () => {
  const { id, spool, running, runner, restart, processes } = await startLimited(60_000);
  await waitUntil(() => /\d/.test(readFileSync(spool(id, 'output.log'), 'utf8')));
  await runner.close();
  const taken = await restart().reattach({
    ...known(id),
    startedAt: new Date(running.startedAt.getTime() - 120_000),
    timeoutMs: 60_000,
  });
  if (taken.kind !== 'attached') throw new Error(taken.kind);
  expect(await taken.process.exit).toMatchObject({
    isTimedOut: true,
    reason: 'It took longer than its limit of 60 s and was ended.',
  });
  expect(processes()).toEqual([]);
});

/** It ends while no server lives; `ending` is what the server that was ending it has left in its folder. */
async function reattachToEnded(
  ending: string,
  stored: { timeoutMs: number | null; isCancelRequested: boolean },
) {
  const { id, spool, running, runner, restart } = await startLimited(null, 'echo ready; sleep 300');
  await waitUntil(() => readFileSync(spool(id, 'output.log'), 'utf8') === 'ready\n');
  writeFileSync(spool(id, 'ending'), ending);
  await runner.close();
  process.kill(Number(readFileSync(spool(id, 'pid'), 'utf8').split(' ')[0]), 'SIGTERM');
  await waitUntil(() => [null, 'Z'].includes(stateOf(spool(id, 'pid'))));
  const taken = await restart().reattach({
    ...known(id),
    ...stored,
    startedAt: new Date(running.startedAt.getTime() - 120_000),
  });
  if (taken.kind !== 'attached') throw new Error(taken.kind);
  return taken.process.exit;
}

it('a run that a server was ending in time, and that ended while no server lived, has taken too long', async () => {
  const exit = await reattachToEnded('timedOut\n', { timeoutMs: 60_000, isCancelRequested: false });
  expect(exit).toMatchObject({ isTimedOut: true, isCanceled: false, isLost: false, signal: 'SIGTERM' });
  expect(exit.reason).toMatch(/^It took longer than its .*limit.* and was ended\.$/);
});

it('a run that a server was canceling, and that ended while no server lived, is canceled', async () => {
  const exit = await reattachToEnded('canceled\n', { timeoutMs: null, isCancelRequested: true });
  expect(exit).toMatchObject({
    isTimedOut: false,
    isCanceled: true,
    isLost: false,
    reason: 'Canceled on request.',
  });
});

it.each(['timedOut\n', 'canceled\n'])(
  'a run that ended while no server lived and says itself that it was %j was not',
  async (forged) => {
    const exit = await reattachToEnded(forged, { timeoutMs: 600_000, isCancelRequested: false });
    expect(exit).toMatchObject({ isTimedOut: false, isCanceled: false, signal: 'SIGTERM' });
  },
);
