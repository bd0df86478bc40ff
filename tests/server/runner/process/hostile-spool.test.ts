import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { RunProcess } from '../../../../server/runner/runner.ts';
import { known, makeRunner, outputOf, request } from '../../../support/make-runner.ts';
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

/** What a playbook may put in place of a file; `other` is a process of somebody else, `secret` a file. */
const REPLACEMENTS: Record<string, (path: string, other: number, secret: string) => void> = {
  'a FIFO': (path) => void execFileSync('mkfifo', [path]),
  'a link to a file': (path, _, secret) => symlinkSync(secret, path),
  'a link to nowhere': (path) => symlinkSync('/nowhere/at/all', path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a folder': (path) => {
    mkdirSync(path);
    writeFileSync(join(path, 'inner'), 'x');
  },
  'a socket': (path) =>
    void execFileSync('/usr/bin/env', [
      'python3',
      '-c',
      'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      path,
    ]),
  'a device': (path) => {
    if (process.getuid?.() === 0) execFileSync('mknod', [path, 'c', '1', '5']);
    else symlinkSync('/dev/zero', path);
  },
  'a terabyte of nothing': (path) => {
    writeFileSync(path, '');
    truncateSync(path, 2 ** 40);
  },
  garbage: (path) => writeFileSync(path, Buffer.from([0, 255, 10, 32, 45, 49, 10])),
  'all processes': (path) => writeFileSync(path, `-1 0 ${bootId()} 1\n`),
  'the first process': (path) => writeFileSync(path, `1 ${startTimeOf(1)} ${bootId()} 1\n`),
  'the server': (path) => writeFileSync(path, `${process.pid} ${startTimeOf(process.pid)} ${bootId()} 1\n`),
  'another process': (path, other) => writeFileSync(path, `${other} ${startTimeOf(other)} ${bootId()} 1\n`),
  nothing: () => undefined,
};

const WAITS = 'echo ready; while [ ! -e "$0.end" ]; do sleep 0.02; done; echo done; exit 3';

async function startWaiting(script = WAITS) {
  const made = await makeRunner(script);
  // the processes of a run are found by its id, also by other tests
  const id = randomUUID();
  const file = (name: string) => made.spool(id, name);
  const running = made.runner.start(request(made.runner, id));
  await waitUntil(() => readFileSync(file('output.log'), 'utf8').includes('ready'));
  const secret = join(made.folder, 'secret');
  writeFileSync(secret, 'a secret\n');
  return {
    ...made,
    id,
    file,
    running,
    secret,
    letEnd: () => writeFileSync(`${made.program}.end`, ''),
    async restart(): Promise<RunProcess> {
      await made.runner.close();
      const taken = await made.restart().reattach({ ...known(id), startedAt: running.startedAt });
      if (taken.kind !== 'attached') throw new Error(`${taken.kind}: ${JSON.stringify(taken)}`);
      return taken.process;
    },
  };
}

const NAMES = ['pid', 'status', 'request.json', 'started', 'ending', 'events.jsonl'];

for (const [what, put] of Object.entries(REPLACEMENTS)) {
  it(`a run that has put ${what} in place of its files is ended, and so is it after a restart`, async () => {
    for (const isRestarted of [false, true]) {
      const { file, running, restart, secret } = await startWaiting();
      const other = bystander();
      for (const name of NAMES) {
        rmSync(file(name), { force: true });
        put(file(name), other.pid, secret);
      }

      const process = isRestarted ? await restart() : running;
      await process.cancel();

      expect(await process.exit).toMatchObject({ isCanceled: true, isLost: false });
      expect(other.isAlive()).toBe(true);
      expect(readFileSync(secret, 'utf8')).toBe('a secret\n');
    }
  });

  it(`a run that has put ${what} in place of all its files keeps its exit code, its log and nobody else's`, async () => {
    for (const isRestarted of [false, true]) {
      const { id, runner, file, running, restart, letEnd, secret } = await startWaiting();
      const other = bystander();
      // after a restart what bears the name of the log is all there is of it
      for (const name of isRestarted ? NAMES : [...NAMES, 'output.log']) {
        rmSync(file(name), { force: true });
        put(file(name), other.pid, secret);
      }

      const process = isRestarted ? await restart() : running;
      letEnd();

      expect(await process.exit).toMatchObject({
        exitCode: 3,
        signal: null,
        isCanceled: false,
        isLost: false,
      });
      expect(await outputOf(process)).toBe('ready\ndone\n');
      await runner.discard(id);
      expect(existsSync(file(''))).toBe(false);
      expect(readFileSync(secret, 'utf8')).toBe('a secret\n');
      expect(other.isAlive()).toBe(true);
    }
  });

  it(`a log in whose place ${what} stands after a restart is not read`, async () => {
    const { file, restart, letEnd, secret } = await startWaiting();
    rmSync(file('output.log'));
    put(file('output.log'), 1, secret);

    const taken = await restart();
    letEnd();

    expect(await taken.exit).toMatchObject({ exitCode: 3 });
    if (!what.startsWith('a ')) return;
    const text = await outputOf(taken);
    expect(text).not.toContain('secret');
    expect(text.length).toBeLessThan(1_000);
  });
}

it.each(['0\n', '0 full\n', '137\n'])(
  'a status of %j that the playbook has written is not its end',
  async (forged) => {
    for (const isRestarted of [false, true]) {
      const { file, running, restart, letEnd } = await startWaiting();
      writeFileSync(file('status'), forged);
      const process = isRestarted ? await restart() : running;
      letEnd();

      expect(await process.exit).toMatchObject({ exitCode: 3, signal: null, reason: null });
    }
  },
);

it('a supervisor that was killed has no exit code, whatever stands in the folder', async () => {
  const { file, running } = await startWaiting();
  writeFileSync(file('status'), '0\n');
  process.kill(Number(readFileSync(file('pid'), 'utf8').split(' ')[0]), 'SIGKILL');

  expect(await running.exit).toMatchObject({ exitCode: null, isLost: true });
});

it.each(['canceled\n', 'timedOut\n'])('a run that says itself that it was %j was not', async (forged) => {
  for (const isRestarted of [false, true]) {
    const { file, running, restart, letEnd } = await startWaiting();
    writeFileSync(file('ending'), forged);
    const process = isRestarted ? await restart() : running;
    letEnd();
    expect(await process.exit).toMatchObject({ exitCode: 3, isCanceled: false, isTimedOut: false });
  }
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
    for await (const piece of running.read('output', 0)) text += Buffer.from(piece).toString();
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
    'cd "$(dirname "$SIBLE_EVENTS")"; for a in $(seq 60); do mkdir -p "$(printf "%0250d/" 1 2 3)"; cd -P "$(printf "%0250d/" 1 2 3)"; touch f; done; echo ready',
  );
  await running.exit;
  await runner.discard(id);
  expect(existsSync(file(''))).toBe(false);
});

it('thousands of files in the folder are removed with it, and nobody waits for that', async () => {
  const { id, runner, file, running } = await startWaiting('echo ready');
  mkdirSync(file('many'));
  for (let n = 0; n < 10_000; n += 1) closeSync(openSync(file(`many/${n}`), 'w'));
  await running.exit;
  const stall = watchStalls();
  await runner.discard(id);
  expect(stall.end()).toBeLessThan(50);
  expect(existsSync(file(''))).toBe(false);
});

it('events go on to be read from the file that was made, whatever stands in its place by then', async () => {
  const { file, running, letEnd, secret } = await startWaiting(
    'exec 5>>"$SIBLE_EVENTS"; echo one >&5; echo ready; while [ ! -e "$0.end" ]; do sleep 0.02; done; echo two >&5',
  );
  rmSync(file('events.jsonl'));
  symlinkSync(secret, file('events.jsonl'));
  letEnd();

  await running.exit;
  let text = '';
  for await (const piece of running.read('events', 0)) text += Buffer.from(piece).toString();
  expect(text).toBe('one\ntwo\n');
});

it('events of which a playbook makes a terabyte of nothing, or which it cuts short, are not read to their end', async () => {
  const { file, running, letEnd } = await startWaiting();
  truncateSync(file('events.jsonl'), 2 ** 40);
  letEnd();

  await running.exit;
  let text = '';
  for await (const piece of running.read('events', 0)) text += Buffer.from(piece).toString();
  expect(text).toContain('its events file was made');
  expect(text.length).toBeLessThan(1_000_000);
});
