import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { limitOf } from '../../../../server/domain/logs/log-limit.ts';
import { findAdopter } from '../../../../server/runner/process/adopter.ts';
import type { Cgroup } from '../../../../server/runner/process/cgroup.ts';
import { findSuspects, watchDescendants } from '../../../../server/runner/process/descendants.ts';
import {
  type ProcessId,
  RUN_MARKER,
  readBootId,
  readStat,
} from '../../../../server/runner/process/process-tree.ts';
import { createSpools, type Spool } from '../../../../server/runner/process/spool.ts';
import { createStreamLimit } from '../../../../server/runner/process/stream-limit.ts';
import { type Supervised, supervise } from '../../../../server/runner/process/supervised-run.ts';
import { TIMINGS } from '../../../../server/timings.ts';
import { makeRunner, request } from '../../../support/make-runner.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** What a run says of processes that no cgroup holds, and that dropped the run's marker. */

/**
 * Environments that are read as empty. An orphan without a marker could be of any run on this machine, also of those that
 * other tests end at the same time, so the orphans here do have one.
 */
const emptied = vi.hoisted(() => new Set<string>());
vi.mock(import('../../../../server/runner/process/process-tree.ts'), async (original) => {
  const actual = await original();
  return { ...actual, readProc: async (path) => (emptied.has(path) ? Buffer.of() : actual.readProc(path)) };
});

const LOST_SIGHT =
  'Processes that it started may be left: some dropped its marker, and no cgroup can be made here.';
const { [RUN_MARKER]: _, ...unmarked } = process.env;

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], env });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** A process with the marker of a run, and a child of it with the given environment. */
async function startPair(runId: string, environment: string) {
  const parent = start('/bin/sh', ['-c', `${environment} sleep 300 & echo $!; wait; exec sleep 300`], {
    ...unmarked,
    [RUN_MARKER]: runId,
  });
  const line = await new Promise<string>((resolve) =>
    parent.stdout?.once('data', (data) => resolve(`${data}`)),
  );
  const child = Number(line);
  onTestFinished(() => kill(child));
  // before that it is still a copy of the shell
  await waitUntil(async () => (await readStat(child))?.name === 'sleep');
  return { parent: Number(parent.pid), child };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}

async function end(pid: number): Promise<void> {
  kill(pid);
  await waitUntil(async () => [undefined, 'Z'].includes((await readStat(pid))?.state));
}

const pidsOf = (found: readonly { readonly pid: number }[]) =>
  found.map(({ pid }) => pid).sort((a, b) => a - b);

// without a supervisor no orphans are looked for, so that others on this machine do not count
describe('descendants of a run without a cgroup', () => {
  it('may have left something if one without the marker is gone since the last look', async () => {
    const descendants = watchDescendants('run', null);
    onTestFinished(descendants.stop);
    const { parent, child } = await startPair('run', `env -u ${RUN_MARKER}`);
    expect(pidsOf(await descendants.look(false))).toEqual(pidsOf([{ pid: parent }, { pid: child }]));
    expect(await descendants.describeLeft()).toBeNull();

    await end(child);

    expect(pidsOf(await descendants.look(false))).toEqual([parent]);
    expect(await descendants.describeLeft()).toBe(LOST_SIGHT);
    // what follows cannot bring it back to view
    await end(parent);
    expect(await descendants.look(true)).toEqual([]);
    expect(await descendants.describeLeft()).toBe(LOST_SIGHT);
  });

  it('have left nothing if one without the marker was killed in view', async () => {
    const descendants = watchDescendants('run', null);
    onTestFinished(descendants.stop);
    const { child } = await startPair('run', `env -u ${RUN_MARKER}`);
    await descendants.look(true);
    await end(child);
    // as one that happens to come between two rounds of killing
    await descendants.look(false);
    expect(await descendants.describeLeft()).toBeNull();
  });

  it('have left nothing that the marker would not find if one with the marker is gone', async () => {
    const descendants = watchDescendants('run', null);
    onTestFinished(descendants.stop);
    const { child } = await startPair('run', '');
    await descendants.look(false);
    await end(child);
    await descendants.look(false);
    expect(await descendants.describeLeft()).toBeNull();
  });

  it('are the same ones although they lose their parent', async () => {
    const descendants = watchDescendants('run', null);
    onTestFinished(descendants.stop);
    const { parent, child } = await startPair('run', `env -u ${RUN_MARKER}`);
    await descendants.look(false);
    await end(parent);
    expect(pidsOf(await descendants.look(false))).toEqual([child]);
    expect(await descendants.describeLeft()).toBeNull();
  });

  it('are looked for in between, too', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const { parent, child } = await startPair('run', `env -u ${RUN_MARKER}`);
    // by its id alone: these looks read no environment
    const descendants = watchDescendants('run', await idOf(parent));
    onTestFinished(descendants.stop);

    await vi.advanceTimersByTimeAsync(2_000);
    // it waits for the look that is under way
    await descendants.describeLeft();
    await end(parent);

    expect(pidsOf(await descendants.look(false))).toEqual([child]);
  });
});

async function idOf(pid: number): Promise<ProcessId> {
  return { pid, startTime: (await readStat(pid))?.startTime ?? '', bootId: await readBootId() };
}

/** Leaves an orphan that seems to have no marker. @returns its id */
async function startOrphan(): Promise<number> {
  const shell = start('/bin/sh', ['-c', `setsid -f sh -c 'echo $$; exec sleep 300'`], {
    ...unmarked,
    [RUN_MARKER]: 'of-no-run',
  });
  const line = await new Promise<string>((resolve) =>
    shell.stdout?.once('data', (data) => resolve(`${data}`)),
  );
  const pid = Number(line);
  emptied.add(`/proc/${pid}/environ`);
  onTestFinished(() => kill(pid));
  await waitUntil(async () => (await readStat(pid))?.name === 'sleep');
  return pid;
}

/** A run that has left an orphan right after its start. */
async function superviseLeaving(more: Partial<Supervised>) {
  const folder = await makeTempDir();
  const runsDir = `${folder.path}/runs`;
  mkdirSync(runsDir);
  const spools = createSpools(runsDir);
  const spool = spools.of('run');
  spool.create();
  const child = start('sleep', ['300'], { ...unmarked, [RUN_MARKER]: 'run' });
  const supervisor = await idOf(Number(child.pid));
  const orphan = await startOrphan();
  const warnings: string[] = [];
  const run = supervise({
    spool,
    limits: { output: limitIn(spool), events: limitIn(spool) },
    runId: 'run',
    startedAt: new Date(),
    timeoutMs: null,
    timings: TIMINGS.runner,
    supervisor: async () => supervisor,
    gone: new Promise((resolve) => {
      child.once('exit', () => resolve({ hasBegun: true, code: 143, wasFull: false, at: new Date() }));
    }),
    endedBefore: null,
    explain: () => null,
    findCgroup: async () => EMPTY_CGROUP,
    closing: new AbortController().signal,
    warn: (what) => warnings.push(what),
    ...more,
  });
  onTestFinished(async () => {
    spools.close();
    await folder.remove();
  });
  return { run, child, orphan, warnings };
}

function limitIn(spool: Spool) {
  const closing = new AbortController().signal;
  return createStreamLimit({
    spool,
    stream: 'output',
    limit: limitOf(1_000_000),
    closing,
    warn: () => undefined,
  });
}

/** The kernel says that all of the run is in it, and what had gone before that is not. */
const EMPTY_CGROUP: Cgroup = { holds: async () => true, kill: async () => 0 };
const NO_CGROUP = 'some dropped its marker, and no cgroup can be made here.';
const BEFORE_CGROUP = 'they were there before its cgroup was.';

describe('what may be left of a run', () => {
  const moduleOf = (name: string) => new URL(`../../../../server/runner/process/${name}.ts`, import.meta.url);
  const SUSPECTS = `
    import { findSuspects } from '${moduleOf('descendants')}';
    const found = await findSuspects({ pid: 1, startTime: '0', bootId: '' });
    console.log(JSON.stringify(found.map(({ pid }) => pid)));`;

  /** Runs it with a program of ours as $0 and its source as $1. @returns what it printed */
  async function printedBy(script: string, source: string): Promise<string> {
    const shell = start('/bin/sh', ['-c', script, process.execPath, source], unmarked);
    let printed = '';
    shell.stdout?.on('data', (data) => {
      printed += data;
    });
    await once(shell, 'close');
    return printed;
  }
  const OURS = '"$0" --import tsx --input-type=module -e "$1"';

  it('is no child of a process above the server, which is none of its orphans', async () => {
    // in a session of its own, as what a process manager starts
    const printed = await printedBy(`setsid sleep 300 & echo $!; ${OURS}; kill $!`, SUSPECTS);
    const [sibling = '', suspects = ''] = printed.split('\n');
    expect(sibling).toMatch(/^\d+$/);
    expect(JSON.parse(suspects)).not.toContain(Number(sibling));
  });

  it('is not the launcher that a server leaves behind for some seconds', async () => {
    const LEAVES = `
      import { readFileSync } from 'node:fs';
      import { createLauncherShell } from '${moduleOf('launcher-shell')}';
      createLauncherShell({ cwd: '/', env: {}, onLine: () => undefined }).launch(['']);
      console.log(readFileSync(\`/proc/self/task/\${process.pid}/children\`, 'utf8'));
      process.kill(process.pid, 'SIGKILL');`;
    const launcher = Number(await printedBy(`${OURS}; true`, LEAVES));
    expect((await readStat(launcher))?.parent).toBe(await findAdopter());

    const found = await findSuspects({ pid: 1, startTime: '0', bootId: '' });
    expect(found.map(({ pid }) => pid)).not.toContain(launcher);
  });
});

describe('a run without a cgroup that is canceled', () => {
  /** @param script starts a process without the marker, whose id is in $child */
  async function cancelWith(script: string) {
    const { runner, spool } = await makeRunner(
      `${script}; while grep -qa ${RUN_MARKER} /proc/$child/environ; do sleep 0.02; done; echo ready; wait`,
      { cgroup: null },
    );
    const id = randomUUID();
    const running = runner.start(await request(runner, id));
    await waitUntil(() => readFileSync(spool(id, 'output.log'), 'utf8') === 'ready\n');
    await running.cancel();
    return (await running.exit).reason;
  }
  const CHILD = `env -u ${RUN_MARKER} sleep 300 & child=$!`;

  it('says that something may be left once what dropped the marker is out of view', async () => {
    // the playbook ends it when it is asked to end, and nobody sees whether it has left anything
    expect(await cancelWith(`${CHILD}; trap 'kill $child; wait $child; exit' TERM`)).toMatch(
      /^Canceled on request\. Processes that it started may be left.*: some dropped its marker, and no cgroup can be made here\.$/,
    );
  });

  it('says nothing when it was killed in view', async () => {
    expect(await cancelWith(CHILD)).toBe('Canceled on request.');
  });
});

describe('what a run left before it was in its cgroup', () => {
  const left = (orphan: number, why: string) =>
    expect.stringMatching(
      new RegExp(`Processes that it started may be left \\(.*\\bsleep ${orphan}\\b.*\\): ${why}$`),
    );

  it('is told when it is canceled', async () => {
    const { run, orphan, warnings } = await superviseLeaving({});
    await run.cancel();
    const { reason, isCanceled } = await run.exit;
    expect(reason).toEqual(left(orphan, BEFORE_CGROUP));
    expect([isCanceled, warnings]).toEqual([true, []]);
  });

  it('is told when its time is up', async () => {
    const { run, orphan } = await superviseLeaving({ timeoutMs: 10 });
    expect((await run.exit).reason).toEqual(left(orphan, BEFORE_CGROUP));
  });

  it('is told when it is killed from outside', async () => {
    const { run, child, orphan } = await superviseLeaving({});
    child.kill('SIGTERM');
    expect((await run.exit).reason).toEqual(left(orphan, BEFORE_CGROUP));
  });

  it('is told when it is killed from outside before anything of it was looked at, where no cgroup can be made', async () => {
    const { run, child, orphan } = await superviseLeaving({ findCgroup: async () => null });
    child.kill('SIGTERM');
    expect((await run.exit).reason).toEqual(left(orphan, NO_CGROUP));
  });

  it('is nothing to tell of when it ends by itself', async () => {
    const { run, child } = await superviseLeaving({
      gone: Promise.resolve({ hasBegun: true, code: 0, wasFull: false, at: new Date() }),
    });
    expect((await run.exit).reason).toBeNull();
    child.kill('SIGKILL');
  });
});
