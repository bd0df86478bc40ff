import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import {
  isRunning,
  isSupervisor,
  type ProcessId,
  RUN_MARKER,
  readBootId,
  signal,
} from '../../../../server/runner/process/process-tree.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';
import { waitUntil } from '../../../support/wait-until.ts';

afterEach(() => vi.restoreAllMocks());

const startTimeOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? '';

async function idOf({ pid = 0 }: { readonly pid?: number | undefined }): Promise<ProcessId> {
  return { pid, startTime: startTimeOf(pid), bootId: await readBootId() };
}

function start(command: string, args: string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(command, args, {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

it('a process is the same one only with its start time, in the same boot of the machine', async () => {
  const id = await idOf(start('sleep', ['60']));
  expect(await isRunning(id)).toBe(true);
  expect(await isRunning({ ...id, startTime: `${Number(id.startTime) + 1}` })).toBe(false);
  expect(await isRunning({ ...id, startTime: '' })).toBe(false);
  // after a restart of the machine both numbers can come again
  expect(await isRunning({ ...id, bootId: '00000000-0000-0000-0000-000000000000' })).toBe(false);
  expect(await isRunning({ ...id, bootId: '' })).toBe(false);
});

it('no signal goes to groups, to the system, to the server, or to a process that has got a number later', async () => {
  const child = start('sleep', ['60']);
  const id = await idOf(child);
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  for (const pid of [-1, 0, -id.pid, 1.5, Number.NaN, 2 ** 53]) signal({ pid, startTime: '' }, 'SIGTERM');
  for (const pid of [1, process.pid]) signal({ pid, startTime: startTimeOf(pid) }, 'SIGTERM');
  signal({ ...id, startTime: `${Number(id.startTime) + 1}` }, 'SIGTERM');
  expect(kill).not.toHaveBeenCalled();

  signal(id, 'SIGTERM');
  expect(kill.mock.calls).toEqual([[id.pid, 'SIGTERM']]);
});

it('a supervisor is what has its script, the folder and the marker of the run', async () => {
  const folder = await makeTempDir();
  onTestFinished(folder.remove);
  const scripts = ['supervisor.sh', 'other.sh'].map((name) => join(folder.path, name));
  // each waits for its input to end
  for (const script of scripts) writeFileSync(script, 'read -r line\n');
  const [supervisor = '', other = ''] = scripts;
  const spool = join(folder.path, 'run');
  mkdirSync(spool);
  const marker = { [RUN_MARKER]: 'run' };
  const isOne = async (script: string, of: string, env: Record<string, string>) => {
    const child = start('/bin/sh', [script, of], env);
    await waitUntil(() => readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').includes(script));
    return isSupervisor(await idOf(child), 'run');
  };

  expect(await isOne(supervisor, spool, marker)).toBe(true);
  expect(await isOne(other, spool, marker)).toBe(false);
  expect(await isOne(supervisor, join(folder.path, 'another'), marker)).toBe(false);
  expect(await isOne(supervisor, spool, {})).toBe(false);
  expect(await isOne(supervisor, spool, { [RUN_MARKER]: 'run2' })).toBe(false);
});
