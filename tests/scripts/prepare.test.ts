import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const NPM = `#!/bin/sh
echo "npm $*" >> "$CALLS"
case "$1 $FAKE_NPM" in
  "ci hanging") echo $$ > "$CALLS.npm-pid"; exec /bin/sleep 600 ;;
  "ci offline") echo 'npm error code ENOTFOUND'; exit 1 ;;
  "ci "*) /bin/rm -rf node_modules; /bin/mkdir node_modules ;;
  "run broken") echo 'error TS2322: no number'; exit 2 ;;
  "run "*) /bin/mkdir -p dist ;;
esac`;

const PYTHON = `#!/bin/sh
echo "python3 $*" >> "$CALLS"
case "$1" in
  -c) echo "\${FAKE_PYTHON:-3.11}" ;;
  -m)
    [ "$FAKE_VENV" != missing ] || { echo 'The virtual environment was not created: ensurepip is not available.'; exit 1; }
    /bin/mkdir -p "$3/bin"
    /bin/cp "\${0%/*}/fake-pip" "$3/bin/python" ;;
esac`;

const PIP = `#!/bin/sh
echo "pip $*" >> "$CALLS"
[ "$FAKE_PIP" != offline ] || { echo 'NewConnectionError: Failed to establish a new connection'; exit 1; }
[ "$FAKE_PIP" != broken ] || { echo 'no space left on device'; exit 1; }
echo "#!$0" > "\${0%/*}/ansible-playbook"`;

const ANSIBLE = `#!/bin/sh
echo "ansible-playbook $*" >> "$CALLS"
exit "\${FAKE_ANSIBLE:-0}"`;

/** A copy of the set-up and the least that it looks at, and a PATH with stand-ins for all that it calls. */
let copy: string;
let bin: string;

const folders: string[] = [];

function tempDir(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sible-'));
  folders.push(folder);
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  copy = tempDir();
  bin = join(copy, 'bin');
  for (const folder of ['bin', 'server', 'client']) mkdirSync(join(copy, folder));
  for (const path of ['scripts/prepare.mjs', 'scripts/prepare', 'package.json']) {
    cpSync(join(ROOT, path), join(copy, path), { recursive: true });
  }
  writeFileSync(join(copy, 'package-lock.json'), '{}');
  writeFileSync(join(copy, 'server', 'main.ts'), '');
  symlinkSync(process.execPath, join(bin, 'node'));
  program('npm', NPM);
  program('python3', PYTHON);
  program('fake-pip', PIP);
});

function program(name: string, script: string): void {
  writeFileSync(join(bin, name), script);
  chmodSync(join(bin, name), 0o755);
}

type Env = Record<string, string>;

const environment = (extra: Env): Env => ({ PATH: bin, CALLS: join(copy, 'calls'), ...extra });

async function prepare(task: 'start' | 'test', extra: Env = {}, nodeOptions: string[] = []) {
  const args = [...nodeOptions, join(copy, 'scripts', 'prepare.mjs'), task];
  return new Promise<{ code: number; output: string; calls: string[] }>((resolve) => {
    execFile(process.execPath, args, { env: environment(extra) }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr, calls: takeCalls() });
    });
  });
}

/** What the stand-ins were called with since the last time. */
function takeCalls(): string[] {
  const file = join(copy, 'calls');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  rmSync(file);
  return lines.map((line) => line.replaceAll(copy, '.'));
}

const ALL_CALLS = [
  'npm ci --no-audit --no-fund --include=dev',
  'npm run --silent build',
  expect.stringMatching(/^python3 -c /),
  'python3 -m venv ./data/ansible',
  expect.stringMatching(/^pip -m pip install .* ansible-core==2\.19\.\d+$/),
];

describe('preparing a fresh clone', () => {
  test('installs, builds and makes Ansible available, and tells each; the second time it does nothing', async () => {
    const { code, output, calls } = await prepare('start');
    expect({ code, calls }).toEqual({ code: 0, calls: ALL_CALLS });
    expect(output).toMatch(/Installing packages ….*Building ….*Installing ansible-core 2\.19\.\d+ …/s);
    expect(await prepare('start')).toEqual({ code: 0, output: '', calls: [] });
  });

  test('does everything once when two are started at once', async () => {
    const both = await Promise.all([prepare('start'), prepare('start')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.flatMap(({ calls }) => calls)).toHaveLength(ALL_CALLS.length);
  });
});

test('after a change it does what that asks for', async () => {
  await prepare('start');
  const changes: readonly (readonly [path: string, calls: readonly string[]])[] = [
    ['package-lock.json', ALL_CALLS.slice(0, 2)],
    ['server/main.ts', ['npm run --silent build']],
    ['client/new.tsx', ['npm run --silent build']],
    ['schema.graphql', ['npm run --silent build']],
    ['tsconfig.json', ['npm run --silent build']],
    // what the build itself generates
    ['client/graphql/generated/gql.ts', []],
  ];
  for (const [path, expected] of changes) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(join(copy, path), '{ }');
    expect([path, (await prepare('start')).calls]).toEqual([path, expected]);
  }

  const before = copy;
  copy = join(tempDir(), 'moved');
  cpSync(before, copy, { recursive: true, preserveTimestamps: true });
  expect((await prepare('test')).calls).toContain('python3 -m venv ./data/ansible');
});

describe('after an interruption', () => {
  test('makes a half-made Python environment anew', async () => {
    const first = await prepare('test', { FAKE_PIP: 'broken' });
    expect(first).toMatchObject({ code: 1, output: expect.stringContaining('no space left on device') });
    writeFileSync(join(copy, 'data', 'ansible', 'left-over'), '');

    expect(await prepare('test')).toMatchObject({ code: 0 });
    expect(existsSync(join(copy, 'data', 'ansible', 'left-over'))).toBe(false);
    expect(readFileSync(join(copy, 'data', 'ansible', '.complete'), 'utf8')).toMatch(/^2\.19\.\d+\n$/);
  });

  test('builds again when a build failed, though nothing changed', async () => {
    await prepare('start');
    writeFileSync(join(copy, 'server', 'main.ts'), 'changed');
    const failed = await prepare('start', { FAKE_NPM: 'broken' });
    expect(failed).toMatchObject({ code: 1, output: expect.stringContaining('error TS2322') });
    expect((await prepare('start')).calls).toEqual(['npm run --silent build']);
  });

  test('leaves no lock and no program behind when it is stopped', async () => {
    const running = spawn(process.execPath, [join(copy, 'scripts', 'prepare.mjs'), 'test'], {
      env: environment({ FAKE_NPM: 'hanging' }),
      stdio: 'ignore',
    });
    const npm = await waitUntil(readPid, { withinMs: 20_000 });
    running.kill('SIGTERM');
    expect(await exitCode(running)).toBe(143);
    await waitUntil(() => !isRunning(npm), { withinMs: 20_000 });
    expect(existsSync(join(copy, '.setup-lock'))).toBe(false);
  });

  test.each([
    ['of a process that is gone', '4194304 1'],
    ['of an earlier process with the same number', `${process.pid} 1`],
  ])('takes over the lock %s', async (_, owner) => {
    mkdirSync(join(copy, '.setup-lock'));
    writeFileSync(join(copy, '.setup-lock', 'pid'), owner);
    expect(await prepare('test')).toMatchObject({ code: 0 });
  });

  test('takes over a lock that was left half-made', async () => {
    mkdirSync(join(copy, '.setup-lock'));
    utimesSync(join(copy, '.setup-lock'), new Date(0), new Date(0));
    expect(await prepare('test')).toMatchObject({ code: 0 });
  });

  const readPid = (): number | null => {
    const file = join(copy, 'calls.npm-pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) || null : null;
  };
});

describe('Ansible', () => {
  test('is left to the program that is configured', async () => {
    const { calls } = await prepare('test', { SIBLE_ANSIBLE_PLAYBOOK: '/opt/ansible/bin/ansible-playbook' });
    expect(calls).toEqual(ALL_CALLS.slice(0, 1));
  });

  test('is left to the one on PATH, which is asked once', async () => {
    program('ansible-playbook', ANSIBLE);
    expect((await prepare('test')).calls).toEqual([ALL_CALLS[0], 'ansible-playbook --version']);
    expect((await prepare('test')).calls).toEqual([]);
  });

  test('is the private one once that is made, whatever comes on PATH later', async () => {
    // the tests need no build
    const { calls } = await prepare('test');
    expect(calls).toEqual(ALL_CALLS.filter((call) => call !== 'npm run --silent build'));
    program('ansible-playbook', ANSIBLE);
    expect((await prepare('test')).calls).toEqual([]);
  });

  test('is the one on PATH when the private one was moved, which then counts no more', async () => {
    await prepare('test');
    takeCalls();
    const before = copy;
    copy = join(tempDir(), 'moved');
    cpSync(before, copy, { recursive: true, preserveTimestamps: true });
    program('ansible-playbook', ANSIBLE);
    expect((await prepare('test')).calls).toEqual(['ansible-playbook --version']);
    expect(existsSync(join(copy, 'data', 'ansible', '.complete'))).toBe(false);
    expect((await prepare('test')).calls).toEqual([]);
  });

  test('is made when the one on PATH does not run', async () => {
    program('ansible-playbook', ANSIBLE);
    const { code, calls } = await prepare('test', { FAKE_ANSIBLE: '1' });
    expect({ code, calls }).toMatchObject({ code: 0, calls: expect.arrayContaining(ALL_CALLS.slice(3)) });
  });

  test.each([
    ['3.14', '2.19'],
    ['3.10', '2.17'],
    ['3.9', '2.15'],
  ])('for Python %s is of release %s', async (FAKE_PYTHON, release) => {
    const { calls } = await prepare('test', { FAKE_PYTHON });
    expect(calls.at(-1)).toContain(`ansible-core==${release}.`);
  });
});

describe('what it cannot do it explains', () => {
  test('an old Node', async () => {
    const old =
      "Object.defineProperty(process, 'version', { value: 'v18.20.4' }); Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } });";
    const { code, output, calls } = await prepare('start', {}, ['--import', `data:text/javascript,${old}`]);
    expect({ code, calls }).toEqual({ code: 1, calls: [] });
    expect(output).toContain('Sible needs Node 20.19 or newer; this is v18.20.4.');
  });

  test('no Python', async () => {
    rmSync(join(bin, 'python3'));
    const { code, output } = await prepare('test');
    expect(code).toBe(1);
    expect(output).toMatch(/There is no Python 3 .*apt install python3 python3-venv.*SIBLE_ANSIBLE_PLAYBOOK/);
  });

  test.each<[string, Env, RegExp]>([
    ['an old Python', { FAKE_PYTHON: '3.8' }, /Ansible needs Python 3\.9 or newer; python3 is 3\.8\./],
    [
      'a Python without venv',
      { FAKE_VENV: 'missing' },
      /"venv" or "ensurepip" is missing.*apt install python3-venv/,
    ],
    ['a network without PyPI', { FAKE_PIP: 'offline' }, /The Python package index cannot be reached\./],
    ['a network without npm', { FAKE_NPM: 'offline' }, /The npm registry cannot be reached\./],
  ])('%s', async (_, env, sentence) => {
    const { code, output } = await prepare('test', env);
    expect(code).toBe(1);
    expect(output).toMatch(sentence);
    expect(output).not.toMatch(/\n\s+at /);
  });
});

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
