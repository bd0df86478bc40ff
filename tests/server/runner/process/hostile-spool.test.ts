import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Runner, RunProcess } from '../../../../server/runner/runner.ts';
import { known, makeRunner, outputOf, request, textOf } from '../../../support/make-runner.ts';
import { watchStalls } from '../../../support/stalls.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** A playbook runs as the server's user: whatever stands in its spool folder it may have put there. */

/** A process that has nothing to do with any run. */
function bystander(): { readonly pid: number; isAlive(): boolean } {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { pid: Number(child.pid), isAlive: () => child.exitCode === null && child.signalCode === null };
}

const startTimeOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? '';
const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** What a playbook may put in place of files; `other` is a process of somebody else, `secret` a file. */
const REPLACEMENTS: Record<string, (paths: readonly string[], other: number, secret: string) => void> = {
  'a FIFO': (paths) => void execFileSync('mkfifo', paths),
  'a link to a file': each((path, _, secret) => symlinkSync(secret, path)),
  'a link to nowhere': each((path) => symlinkSync('/nowhere/at/all', path)),
  'a link to itself': each((path) => symlinkSync(path, path)),
  'a folder': each((path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'inner'), 'x');
  }),
  'a socket': (paths) =>
    void execFileSync('/usr/bin/env', [
      'python3',
      '-c',
      'import socket,sys\nfor path in sys.argv[1:]: socket.socket(socket.AF_UNIX).bind(path)',
      ...paths,
    ]),
  'a device':
    process.getuid?.() === 0
      ? (paths) => void execFileSync('sh', ['-c', 'for path; do mknod "$path" c 1 5; done', 'sh', ...paths])
      : each((path) => symlinkSync('/dev/zero', path)),
  'a terabyte of nothing': each((path) => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
  }),
  garbage: each((path) => writeFileSync(path, Buffer.from([0, 255, 10, 32, 45, 49, 10]))),
  'all processes': each((path) => writeFileSync(path, `-1 0 ${bootId()} 1\n`)),
  'the first process': each((path) => writeFileSync(path, `1 ${startTimeOf(1)} ${bootId()} 1\n`)),
  'the server': each((path) =>
    writeFileSync(path, `${process.pid} ${startTimeOf(process.pid)} ${bootId()} 1\n`),
  ),
  'another process': each((path, other) =>
    writeFileSync(path, `${other} ${startTimeOf(other)} ${bootId()} 1\n`),
  ),
  nothing: () => undefined,
};

function each(put: (path: string, other: number, secret: string) => void): (typeof REPLACEMENTS)[string] {
  return (paths, other, secret) => {
    for (const path of paths) put(path, other, secret);
  };
}

const WAITS = 'echo ready; while [ ! -e "$0.$SIBLE_RUN_ID.end" ]; do sleep 0.05; done; echo done; exit 3';

interface Started {
  readonly id: string;
  readonly running: RunProcess;
  /** Path of a file in its spool folder. */
  file(name: string): string;
  letEnd(): void;
}

/** A runner, as many runs of its script as a test starts, and the runner after a restart. */
async function makePlace(script = WAITS) {
  const made = await makeRunner(script);
  const secret = join(made.folder, 'secret');
  writeFileSync(secret, 'a secret\n');
  async function start(): Promise<Started> {
    // the processes of a run are found by its id, also by other tests
    const id = randomUUID();
    const file = (name: string) => made.spool(id, name);
    const running = made.runner.start(request(made.runner, id));
    await waitUntil(() => readFileSync(file('output.log'), 'utf8').includes('ready'));
    return { id, file, running, letEnd: () => writeFileSync(`${made.program}.${id}.end`, '') };
  }
  async function restart() {
    await made.runner.close();
    const runner = made.restart();
    const take = async ({ id, running }: Started): Promise<RunProcess> => {
      const taken = await runner.reattach({ ...known(id), startedAt: running.startedAt });
      if (taken.kind !== 'attached') throw new Error(`${taken.kind}: ${JSON.stringify(taken)}`);
      return taken.process;
    };
    return { runner, take };
  }
  return { ...made, secret, start, restart };
}

/** One run, and the same one after a restart. */
async function startWaiting(script?: string) {
  const { restart, ...place } = await makePlace(script);
  const started = await place.start();
  return { ...place, ...started, restart: async () => (await restart()).take(started) };
}

const NAMES = ['pid', 'status', 'request.json', 'started', 'ending', 'events.jsonl'];

describe.each(Object.entries(REPLACEMENTS))('with %s in place of its files', (what, put) => {
  it('a run is ended, or keeps its exit code, its log and nobody else’s, and so it is after a restart', async () => {
    const { runner, start, restart, secret } = await makePlace();
    const [canceled, ending, canceledLater, endingLater, logless] = await Promise.all([
      start(),
      start(),
      start(),
      start(),
      start(),
    ]);
    const other = bystander();
    const replaced = [
      ...[canceled, ending, canceledLater, endingLater].flatMap(({ file }) => NAMES.map(file)),
      // after a restart what bears the name of the log is all there is of it
      ...[ending, logless].map(({ file }) => file('output.log')),
    ];
    for (const path of replaced) rmSync(path, { force: true });
    put(replaced, other.pid, secret);

    async function isEnded(run: RunProcess) {
      await run.cancel();
      expect(await run.exit).toMatchObject({ isCanceled: true, isLost: false });
    }
    async function keepsItsOwn(runs: Runner, run: RunProcess, { id, file, letEnd }: Started) {
      letEnd();
      expect(await run.exit).toMatchObject({
        exitCode: 3,
        signal: null,
        isCanceled: false,
        isLost: false,
      });
      expect(await outputOf(run)).toBe('ready\ndone\n');
      await runs.discard(id);
      expect(existsSync(file(''))).toBe(false);
    }

    await isEnded(canceled.running);
    await keepsItsOwn(runner, ending.running, ending);
    const later = await restart();
    await isEnded(await later.take(canceledLater));
    await keepsItsOwn(later.runner, await later.take(endingLater), endingLater);

    const taken = await later.take(logless);
    logless.letEnd();
    expect(await taken.exit).toMatchObject({ exitCode: 3 });
    if (what.startsWith('a ')) {
      const text = await outputOf(taken);
      expect(text).not.toContain('secret');
      expect(text.length).toBeLessThan(1_000);
    }
    expect(readFileSync(secret, 'utf8')).toBe('a secret\n');
    expect(other.isAlive()).toBe(true);
  });
});

it('what a run says itself of its end is not its end, also after a restart', async () => {
  const { start, restart } = await makePlace();
  const said = [
    ['status', '0\n'],
    ['status', '0 full\n'],
    ['status', '137\n'],
    ['ending', 'canceled\n'],
    ['ending', 'timedOut\n'],
  ] as const;
  const startAll = () =>
    Promise.all(
      said.map(async ([name, text]) => {
        const started = await start();
        writeFileSync(started.file(name), text);
        return { said: `${name}: ${text}`, started };
      }),
    );
  const [before, after] = await Promise.all([startAll(), startAll()]);
  const keepItsEnd = async (taken: Awaited<typeof before>, take: (run: Started) => Promise<RunProcess>) => {
    for (const { said, started } of taken) {
      const run = await take(started);
      started.letEnd();
      expect([said, await run.exit]).toEqual([
        said,
        expect.objectContaining({
          exitCode: 3,
          signal: null,
          reason: null,
          isCanceled: false,
          isTimedOut: false,
        }),
      ]);
    }
  };
  await keepItsEnd(before, async ({ running }) => running);
  await keepItsEnd(after, (await restart()).take);
});

it('a supervisor that was killed has no exit code, whatever stands in the folder', async () => {
  const { file, running } = await startWaiting();
  writeFileSync(file('status'), '0\n');
  process.kill(Number(readFileSync(file('pid'), 'utf8').split(' ')[0]), 'SIGKILL');

  expect(await running.exit).toMatchObject({ exitCode: null, isLost: true });
});

it('a run that has removed all traces of its start is not started again', async () => {
  const { file, restart, letEnd } = await startWaiting();
  for (const name of ['pid', 'status', 'request.json', 'started', 'output.log']) rmSync(file(name));

  const taken = await restart();
  letEnd();

  expect(await taken.exit).toMatchObject({ exitCode: 3 });
});

it('a folder in whose place a link stands is not followed, neither to read nor to remove', async () => {
  for (const isRestarted of [false, true]) {
    const { id, runner, restart, running, file, spool, letEnd, folder } = await startWaiting();
    const theirs = join(folder, 'theirs');
    mkdirSync(theirs);
    const names = ['pid', 'status', 'started', 'request.json', 'output.log', 'ending', 'extra-vars.yml'];
    for (const name of names) writeFileSync(join(theirs, name), '0\n');
    renameSync(file(''), join(folder, 'moved'));
    symlinkSync(theirs, join(spool('', ''), id));

    if (isRestarted) {
      await expect(restart()).rejects.toThrow('lost');
      letEnd();
    } else {
      letEnd();
      expect(await running.exit).toMatchObject({ exitCode: 3 });
      expect(await outputOf(running)).toBe('ready\ndone\n');
    }
    await runner.discard(id);

    expect(names.map((name) => readFileSync(join(theirs, name), 'utf8'))).toEqual(names.map(() => '0\n'));
    expect(lstatSync(join(spool('', ''), id), { throwIfNoEntry: false })).toBeUndefined();
  }
});

it('a folder in whose place another one stands is neither read nor written to', async () => {
  const { running, file, folder, warnings } = await startWaiting();
  renameSync(file(''), join(folder, 'moved'));
  mkdirSync(file(''));
  const theirs = ['events.jsonl', 'extra-vars.yml', 'status'];
  for (const name of theirs) writeFileSync(file(name), '0\n');

  await running.cancel();

  expect(await running.exit).toMatchObject({ isCanceled: true, isLost: false });
  expect(readdirSync(file('')).sort()).toEqual(theirs);
  expect(warnings.join('\n')).toContain('was replaced by another folder');
});

it('what stands where a file is to be written is not written to', async () => {
  const { runner, spool, folder } = await makeRunner();
  const id = randomUUID();
  const theirs = join(folder, 'theirs');
  writeFileSync(theirs, 'theirs');
  runner.arm(request(runner, id));
  for (const name of ['request.json', 'extra-vars.yml', 'ending']) symlinkSync(theirs, spool(id, name));

  const started = runner.start(request(runner, id));

  expect(await started.exit).toMatchObject({ exitCode: 0 });
  expect(readFileSync(theirs, 'utf8')).toBe('theirs');
});

it('a log that is cut short says so and goes on with what is written then', async () => {
  const { file, running, letEnd } = await startWaiting();
  let text = '';
  const read = (async () => {
    for await (const piece of running.read('output', 0)) text += textOf(piece);
  })();
  await waitUntil(() => text === 'ready\n');
  truncateSync(file('output.log'), 0);
  await waitUntil(() => text.includes('Sible'));
  letEnd();

  await read;
  expect(text).toMatch(/^ready\n\n\[Sible: .*cut short.*\]\ndone\n$/);
});

it('a log that is made a terabyte long without being written is not read to its end', async () => {
  const { file, running, letEnd } = await startWaiting();
  truncateSync(file('output.log'), 2 ** 40);
  letEnd();

  const text = await outputOf(running);

  expect(text).toContain('longer without anything being written');
  expect(text.replaceAll('\0', '')).toMatch(/^ready\n\n\[Sible: .*\]\ndone\n$/);
  expect(text.length).toBeLessThan(1_000_000);
});

it('folders in the folder that may not be read are removed with it', async () => {
  const { id, runner, file, running } = await startWaiting(
    'cd "$(dirname "$SIBLE_EVENTS")"; mkdir -p a/b/c; chmod 0 a/b a; echo ready',
  );
  await running.exit;
  await runner.discard(id);
  expect(existsSync(file(''))).toBe(false);
});

it('any depth of folders in the folder is removed with it', async () => {
  const { id, runner, file, running } = await startWaiting(
    'cd "$(dirname "$SIBLE_EVENTS")"; long=$(printf "%0250d/" 1 2 3); for a in $(seq 60); do mkdir -p "$long"; cd -P "$long"; : >f; done; echo ready',
  );
  await running.exit;
  await runner.discard(id);
  expect(existsSync(file(''))).toBe(false);
});

it('thousands of files in the folder are removed with it, and nobody waits for that', async () => {
  const { id, runner, file, running } = await startWaiting('echo ready');
  mkdirSync(file('many'));
  // names of one file: a file of its own costs the kernel forty times as much
  writeFileSync(file('many/one'), '');
  for (let n = 0; n < 10_000; n += 1) linkSync(file('many/one'), file(`many/${n}`));
  await running.exit;
  const stall = watchStalls();
  await runner.discard(id);
  expect(stall.end()).toBeLessThan(50);
  expect(existsSync(file(''))).toBe(false);
});

it('events go on to be read from the file that was made, whatever stands in its place by then', async () => {
  const { file, running, letEnd, secret } = await startWaiting(
    'exec 5>>"$SIBLE_EVENTS"; echo one >&5; echo ready; while [ ! -e "$0.$SIBLE_RUN_ID.end" ]; do sleep 0.05; done; echo two >&5',
  );
  rmSync(file('events.jsonl'));
  symlinkSync(secret, file('events.jsonl'));
  letEnd();

  await running.exit;
  let text = '';
  for await (const piece of running.read('events', 0)) text += textOf(piece);
  expect(text).toBe('one\ntwo\n');
});

it('events of which a playbook makes a terabyte of nothing, or which it cuts short, are not read to their end', async () => {
  const { file, running, letEnd } = await startWaiting();
  truncateSync(file('events.jsonl'), 2 ** 40);
  letEnd();

  await running.exit;
  let text = '';
  for await (const piece of running.read('events', 0)) text += textOf(piece);
  expect(text).toContain('its events file was made');
  expect(text.length).toBeLessThan(1_000_000);
});
