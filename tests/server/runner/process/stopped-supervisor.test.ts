import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { TIMINGS } from '../../../../server/timings.ts';
import { known, makeRunner, outputOf, request, stateOf, textOf } from '../../../support/make-runner.ts';
import { killRun, processesOf } from '../../../support/processes.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** A supervisor that somebody has stopped (SIGSTOP, Ctrl+Z) waits for nothing and passes nothing on. */

const idOf = (runId: string) => Buffer.from(`Run:${runId}`).toString('base64');

/** The server looks at its supervisors this often. */
const LOOK_MS = 200;

/**
 * Starts what the script says, which stops its supervisor (see `STOP`). The server wakes one that has not told yet
 * that it has begun, as the program may well be faster: so it is stopped only when it waits for the program.
 */
async function startStopped(script: string, timeoutMs: number | null = null, cancelGraceMs = 20_000) {
  const made = await makeRunner(script, {
    timings: { ...TIMINGS.runner, cancelGraceMs, lookMs: LOOK_MS },
  });
  const id = randomUUID();
  const running = made.runner.start({ ...request(made.runner, id), timeoutMs });
  onTestFinished(() => killRun(idOf(id)));
  const pidFile = made.spool(id, 'pid');
  await waitUntil(() => stateOf(pidFile) === 'S');
  // what it has told by then is read before the second turn from here
  for (let turn = 0; turn < 2; turn += 1) await nextTurn();
  writeFileSync(`${made.program}.stop`, '');
  await waitUntil(() => stateOf(pidFile) === 'T');
  return { ...made, id, running, pidFile };
}

/** Until a file with the name of the program and this ending is there. */
const until = (ending: string) => `while [ ! -e "$0.${ending}" ]; do sleep 0.05; done`;
const STOP_AGAIN = 'kill -STOP $PPID';
const STOP = `${until('stop')}; ${STOP_AGAIN}`;
/** Says that it was asked to end, and ends then. */
const ENDS_WHEN_ASKED = `trap 'echo asked; exit 9' TERM; ${STOP}; while :; do sleep 0.05; done`;

it('does not keep a run going whose playbook has ended', async () => {
  const { running, program } = await startStopped(`${STOP}; ${until('go')}; echo done; exit 3`);
  writeFileSync(`${program}.go`, '');
  expect(await running.exit).toMatchObject({ exitCode: 3, isLost: false, signal: null });
  expect(await outputOf(running)).toBe('done\n');
});

it('is woken as often as it is stopped', async () => {
  const { running, program } = await startStopped(
    `supervisor=$PPID; ${STOP}; ${until('go')}; (for i in 1 2 3 4 5 6; do kill -STOP $supervisor; sleep 0.3; done) & exit 4`,
  );
  writeFileSync(`${program}.go`, '');
  expect(await running.exit).toMatchObject({ exitCode: 4 });
});

it('does not keep a run going that a server takes up again', async () => {
  const { id, runner, restart, program, pidFile } = await startStopped(
    `${STOP}; ${until('again')}; ${STOP_AGAIN}; ${until('go')}; exit 5`,
  );
  const launcher = readFileSync(pidFile, 'utf8').trim().split(' ')[3];
  await runner.close();
  const taken = await restart().reattach(known(id));
  if (taken.kind !== 'attached') throw new Error(taken.kind);
  // before it ends it wakes what it has started
  await waitUntil(() => !existsSync(`/proc/${launcher}`), { withinMs: 15_000 });
  writeFileSync(`${program}.again`, '');
  await waitUntil(() => stateOf(pidFile) === 'T');
  writeFileSync(`${program}.go`, '');
  expect(await taken.process.exit).toMatchObject({ exitCode: 5, isLost: false });
});

it('is left stopped while the playbook goes on', async () => {
  const { running, program, pidFile } = await startStopped(
    `${STOP}; while [ ! -e "$0.go" ]; do echo .; sleep 0.1; done`,
  );
  // longer than five looks
  let printed = 0;
  for await (const piece of running.read('output', 0)) {
    printed += textOf(piece).length;
    if (printed < 20) expect(stateOf(pidFile)).toBe('T');
    else if (!existsSync(`${program}.go`)) writeFileSync(`${program}.go`, '');
  }
  expect(await running.exit).toMatchObject({ exitCode: 0 });
});

it('passes on that the run is canceled', async () => {
  const { running } = await startStopped(ENDS_WHEN_ASKED);
  await running.cancel();
  expect(await running.exit).toMatchObject({ isCanceled: true, isLost: false });
  expect(await outputOf(running)).toBe('asked\n');
});

it('passes on that its time is over', async () => {
  const { running } = await startStopped(ENDS_WHEN_ASKED, 3_000);
  expect(await running.exit).toMatchObject({ isTimedOut: true, isLost: false });
  expect(await outputOf(running)).toBe('asked\n');
});

it('is killed with a playbook that is stopped as well', async () => {
  const { id, running } = await startStopped(`${STOP}; kill -STOP $$`, null, 200);
  await running.cancel();
  expect(await running.exit).toMatchObject({ isCanceled: true });
  expect(processesOf(idOf(id))).toEqual([]);
});
