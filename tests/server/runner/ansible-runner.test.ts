import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createAnsibleRunner } from '../../../server/runner/ansible-runner.ts';
import { TIMINGS } from '../../../server/timings.ts';
import { known, makeRunner, outputOf, request, stateOf } from '../../support/make-runner.ts';
import { waitUntil } from '../../support/wait-until.ts';

it('a run that was armed starts when it is told to, and not before', async () => {
  const { runner, spool } = await makeRunner();
  runner.arm(request(runner, 'r'));
  await waitUntil(() => stateOf(spool('r', 'pid')) === 'T');
  expect(existsSync(spool('r', 'started'))).toBe(false);

  const process = runner.start(request(runner, 'r'));

  expect(await outputOf(process)).toBe('started\n');
  expect(await process.exit).toMatchObject({ exitCode: 0, isLost: false, reason: null });
});

it('starts one that was armed only just before, 30 times of 30', async () => {
  const { runner } = await makeRunner();
  for (let n = 0; n < 30; n += 1) {
    runner.arm(request(runner, `r${n}`));
    const process = runner.start(request(runner, `r${n}`));
    expect(await outputOf(process)).toBe('started\n');
    expect(await process.exit).toMatchObject({ exitCode: 0 });
  }
});

/** As when the process, or the machine, is paused: its timers come due while what others wrote to it is still unread. */
function pause(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

it('knows how runs ended that began and ended while the server was paused', async () => {
  const { runner } = await makeRunner('sleep 0.2; exit 3');
  for (let round = 0; round < 5; round += 1) {
    const ids = Array.from({ length: 10 }, (_, n) => `r${round}-${n}`);
    const runs = ids.map((id) => runner.start(request(runner, id)));
    // they are known, and some others have ended before
    await Promise.all(runs.slice(0, 3).map((run) => run.exit));
    const more = ids.map((id) => runner.start(request(runner, `${id}-more`)));
    pause(1_500);
    for (const exit of await Promise.all([...runs, ...more].map((run) => run.exit)))
      expect(exit).toMatchObject({ exitCode: 3, isLost: false });
  }
});

it('starts a run whose supervisor was killed while it slept', async () => {
  const { runner, spool } = await makeRunner();
  runner.arm(request(runner, 'r'));
  await waitUntil(() => stateOf(spool('r', 'pid')) === 'T');
  process.kill(Number(readFileSync(spool('r', 'pid'), 'utf8').split(' ')[0]), 'SIGKILL');

  const started = runner.start(request(runner, 'r'));

  expect(await outputOf(started)).toBe('started\n');
  expect(await started.exit).toMatchObject({ exitCode: 0 });
});

it('the launcher of a server that was killed wakes none of those of the server that came after it', async () => {
  const { runner, spool } = await makeRunner();
  const scripts = new URL('../../../server/runner/process/', import.meta.url).pathname;
  const old = spawn('/bin/sh', [`${scripts}launcher.sh`, `${scripts}supervisor.sh`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  mkdirSync(spool('old', ''));
  old.stdin.write(
    `${[spool('old', ''), 'old', spool('old', 'output.log'), '', 4, '/', '', '--', 'true'].join('\n')}\n`,
  );
  runner.arm(request(runner, 'new'));
  await waitUntil(() => stateOf(spool('old', 'pid')) === 'T' && stateOf(spool('new', 'pid')) === 'T');

  old.stdin.end();
  await once(old, 'exit');

  expect(stateOf(spool('old', 'pid'))).toBeNull();
  expect(stateOf(spool('new', 'pid'))).toBe('T');
});

it('what was armed and is not wanted leaves no process and no folder', async () => {
  const { runner, spool } = await makeRunner();
  const ids = Array.from({ length: 20 }, (_, n) => `r${n}`);
  for (const id of ids) runner.arm(request(runner, id));
  await waitUntil(() => stateOf(spool('r0', 'pid')) === 'T');
  const pids = ids
    .map((id) => spool(id, 'pid'))
    .filter(existsSync)
    .map((file) => readFileSync(file, 'utf8').split(' ')[0])
    // one that is just being written is empty
    .filter(Boolean);

  await Promise.all(ids.map((id) => runner.disarm(id)));
  await runner.disarm('r0');

  expect(ids.filter((id) => existsSync(spool(id, '')))).toEqual([]);
  // each tells its end and then ends
  await waitUntil(() => pids.every(hasEnded));
});

it('ends what is ready when it is closed, and what a killed server left when its folder is thrown away', async () => {
  const { runner, spool } = await makeRunner();
  runner.arm(request(runner, 'r'));
  await waitUntil(() => stateOf(spool('r', 'pid')) === 'T');
  const [pid] = readFileSync(spool('r', 'pid'), 'utf8').split(' ');

  await runner.discard('r');

  await waitUntil(() => hasEnded(pid));
  expect(existsSync(spool('r', ''))).toBe(false);
});

it('takes a run that was armed and never told to start for one that never ran', async () => {
  const { runner, spool } = await makeRunner();
  runner.arm(request(runner, 'r'));
  await waitUntil(() => stateOf(spool('r', 'pid')) === 'T');

  expect(await runner.reattach(known('r'))).toEqual({ kind: 'notStarted' });
});

it('says why a program that is not there cannot be started', async () => {
  const { runner } = await makeRunner();
  const missing = createAnsibleRunner({
    ansiblePlaybook: '/nowhere/ansible-playbook',
    dataDir: '/tmp',
    timings: TIMINGS.runner,
    onWarning: () => undefined,
  });
  expect(() => missing.arm(request(missing, 'r'))).toThrow(/install Ansible or set SIBLE_ANSIBLE_PLAYBOOK/);
  await missing.close();
  await runner.close();
});

it('a run whose folder somebody removes while it goes on keeps its exit code and its log', async () => {
  const { runner, spool } = await makeRunner(
    'while [ ! -e "$0.end" ]; do sleep 0.02; done; echo late; exit 3',
  );
  const started = runner.start(request(runner, 'r'));
  await waitUntil(() => stateOf(spool('r', 'pid')) !== null && existsSync(spool('r', 'started')));
  rmSync(spool('r', ''), { recursive: true });
  writeFileSync(join(spool('', ''), '../../program.end'), '');

  expect(await started.exit).toMatchObject({ exitCode: 3, isLost: false });
  expect(await outputOf(started)).toBe('late\n');
});

it('a run that is canceled ends as canceled, also when something of it belongs to another user', async () => {
  const { runner, spool } = await makeRunner('sleep 300 & echo $!; wait', { cgroup: null });
  const started = runner.start(request(runner, 'r'));
  const [, printed = ''] = await waitUntil(() =>
    /^(\d+)\n/.exec(readFileSync(spool('r', 'output.log'), 'utf8')),
  );
  const theirs = Number(printed);
  const kill = process.kill.bind(process);
  const spy = vi.spyOn(process, 'kill').mockImplementation((pid, name) => {
    if (pid === theirs) throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    return kill(pid, name);
  });
  onTestFinished(() => {
    spy.mockRestore();
    kill(theirs, 'SIGKILL');
  });

  await started.cancel(() => undefined);

  expect(await started.exit).toMatchObject({ isCanceled: true, isLost: false });
});

it.each([
  ['its folder was removed', (folder: string) => rmSync(folder, { recursive: true })],
  ['its supervisor cannot be read', (folder: string) => writeFileSync(join(folder, 'pid'), '')],
])('a run is ended when its time is up, also when %s', async (_, spoil) => {
  const { runner, spool } = await makeRunner('sleep 300');
  const started = runner.start({ ...request(runner, 'r'), timeoutMs: 500 });
  await waitUntil(() => stateOf(spool('r', 'pid')) !== null && existsSync(spool('r', 'started')));
  spoil(spool('r', ''));

  expect(await started.exit).toMatchObject({ isTimedOut: true, isLost: false });
});

it('a run that cannot be started again after its supervisor was killed says so, and is not ended later', async () => {
  const { runner, spool, program, warnings } = await makeRunner();
  runner.arm(request(runner, 'r'));
  await waitUntil(() => stateOf(spool('r', 'pid')) === 'T');
  process.kill(Number(readFileSync(spool('r', 'pid'), 'utf8').split(' ')[0]), 'SIGKILL');
  rmSync(program);

  const started = runner.start({ ...request(runner, 'r'), timeoutMs: 60_000 });

  expect(await started.exit).toMatchObject({
    exitCode: null,
    isLost: false,
    reason: expect.stringContaining('not started'),
  });
  expect(warnings).toEqual([expect.stringContaining('Starting run r again failed')]);
});

/** Whether it has ended; also when nobody has taken note of that yet. */
function hasEnded(pid: string | undefined): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
