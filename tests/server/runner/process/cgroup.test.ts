import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createCgroups } from '../../../../server/runner/process/cgroup.ts';
import { known, makeRunner, outputOf, request, stateOf } from '../../../support/make-runner.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** What a playbook starts is ended with it, whatever has become of its environment, its session and its parent. */

/** Whether this machine lets us make cgroups; the tests say what is promised where it does not. */
async function canMakeCgroups(): Promise<boolean> {
  const folder = await makeTempDir();
  const cgroups = createCgroups(folder.path);
  const path = cgroups.create('probe');
  await cgroups.remove('probe');
  await cgroups.close();
  await folder.remove();
  return path !== null;
}

/** Starts what the script says, which prints the ids of the processes that it has left. */
async function startLeaving(script: string, cgroup?: null) {
  const made = await makeRunner(`${script}; echo ready; sleep 300`, cgroup === null ? { cgroup } : {});
  const id = randomUUID();
  made.runner.arm(request(made.runner, id));
  // asleep, it is in its cgroup
  await waitUntil(() => stateOf(made.spool(id, 'pid')) === 'T');
  const running = made.runner.start(request(made.runner, id));
  const log = await waitUntil(() => {
    const text = readFileSync(made.spool(id, 'output.log'), 'utf8');
    return text.endsWith('ready\n') ? text : null;
  });
  const left = [...log.matchAll(/\d+/g)].map(([pid]) => Number(pid));
  onTestFinished(() => {
    for (const pid of left.filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  return { ...made, id, running, left };
}

function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const DROPS_ALL = `env -u SIBLE_RUN_ID setsid -f sh -c 'echo $$; exec sleep 300'; sleep 0.2`;
const DROPS_TWICE = `env -i PATH="$PATH" setsid -f sh -c 'setsid -f sh -c "echo \\$\\$; exec sleep 300"; exit'; sleep 0.3`;

it.each([
  ['drops the marker, its session and its parent', DROPS_ALL],
  ['does so twice', DROPS_TWICE],
])('a canceled run leaves nothing of what %s', async (_, script) => {
  const { running, left } = await startLeaving(script);
  expect(left.length).toBeGreaterThan(0);

  await running.cancel();

  const { reason } = await running.exit;
  if (await canMakeCgroups()) {
    expect(left.filter(isAlive)).toEqual([]);
    expect(reason).toBe('Canceled on request.');
  } else expect(reason).toContain('may be left');
});

it('a run that was armed is in its cgroup before it starts, and what a restarted server cancels is ended, too', async () => {
  const { runner, restart, spool } = await makeRunner(`${DROPS_ALL}; echo ready; sleep 300`);
  const id = randomUUID();
  runner.arm(request(runner, id));
  await waitUntil(() => stateOf(spool(id, 'pid')) === 'T');
  runner.start(request(runner, id));
  const left = await waitUntil(
    () => /^(\d+)\n(?:.*\n)*ready/.exec(readFileSync(spool(id, 'output.log'), 'utf8'))?.[1],
  );
  await runner.close();
  const taken = await restart().reattach(known(id));
  if (taken.kind !== 'attached') throw new Error(taken.kind);

  await taken.process.cancel();

  const { reason } = await taken.process.exit;
  if (await canMakeCgroups()) expect(isAlive(Number(left))).toBe(false);
  else expect(reason).toContain('may be left');
});

it('what a run leaves behind on purpose goes on when it ends, and its cgroup is removed when that has ended', async () => {
  const { runner, spool } = await makeRunner('sleep 300 & echo $!');
  const id = randomUUID();
  runner.arm(request(runner, id));
  await waitUntil(() => stateOf(spool(id, 'pid')) === 'T');
  const running = runner.start(request(runner, id));
  const left = Number(await outputOf(running));
  expect(await running.exit).toMatchObject({ exitCode: 0, reason: null });
  await runner.discard(id);

  expect(isAlive(left)).toBe(true);
  expect(existsSync(spool(id, ''))).toBe(false);
  const path = cgroupOf(left);
  process.kill(left, 'SIGKILL');
  await waitUntil(() => !isAlive(left));
  await runner.close();
  if (!(await canMakeCgroups())) return;
  expect(path).toContain(id);
  expect(existsSync(path)).toBe(false);
});

/** Where its cgroup is mounted; "" where it is in none of version 2. */
function cgroupOf(pid: number): string {
  const path = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
  const point = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(
    readFileSync('/proc/self/mountinfo', 'utf8'),
  )?.[1];
  return point === undefined ? '' : join(point, path);
}

it('where no cgroup can be made, a run that is ended says what of it may be left', async () => {
  const { running, left } = await startLeaving(DROPS_ALL, null);

  await running.cancel();

  expect(left.filter(isAlive)).toHaveLength(1);
  expect(await running.exit).toMatchObject({
    isCanceled: true,
    reason: expect.stringMatching(
      new RegExp(`^Canceled on request\\. Processes that it started may be left \\(.*sleep ${left[0]}`),
    ),
  });
});

it('where no cgroup can be made, what was seen as its own is ended although it loses its parent meanwhile', async () => {
  const { running, left } = await startLeaving(
    `env -u SIBLE_RUN_ID setsid sh -c 'echo $$; exec sleep 300' & sleep 0.2`,
    null,
  );
  expect(left.filter(isAlive)).toHaveLength(1);

  await running.cancel();

  expect(left.filter(isAlive)).toEqual([]);
});

it('where no cgroup can be made, a run of which nothing can be left says nothing', async () => {
  const { running } = await startLeaving('sleep 300 & true', null);
  await running.cancel();
  expect((await running.exit).reason).toBe('Canceled on request.');
});

it('on a kernel that cannot kill a cgroup at once its processes are killed one by one', async () => {
  const folder = await makeTempDir();
  onTestFinished(folder.remove);
  // no kernel stands behind this folder
  writeFileSync(join(folder.path, 'cgroup.procs'), '');
  expect(createCgroups('/data', folder.path).create('r')).toBeNull();
  const base = join(folder.path, readdirSync(folder.path).find((name) => name.startsWith('sible-')) ?? '');
  writeFileSync(join(base, 'cgroup.type'), 'domain\n');
  const path = createCgroups('/data', folder.path).create('r') ?? '';
  const child = spawn('sleep', ['300'], { stdio: 'ignore' });
  mkdirSync(join(path, 'inner'));
  writeFileSync(join(path, 'inner', 'cgroup.procs'), `${child.pid}\n`);
  writeFileSync(join(path, 'cgroup.procs'), '1\n');

  const cgroup = await createCgroups('/data', folder.path).find('r', null);
  await cgroup?.kill();

  expect(child.signalCode ?? isAlive(Number(child.pid))).not.toBe(true);
  expect(isAlive(1)).toBe(true);
});

it('no cgroup is made in a folder that is none', async () => {
  const folder = await makeTempDir();
  onTestFinished(folder.remove);
  expect(createCgroups('/data', folder.path).create('r')).toBeNull();
  expect(createCgroups('/data', null).create('r')).toBeNull();
});
