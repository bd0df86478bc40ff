import { spawn } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { callbackEnvironment } from '../../server/runner/ansible/callback-path.ts';

export const ANSIBLE =
  process.env.SIBLE_ANSIBLE_PLAYBOOK ??
  new URL('../../data/ansible/bin/ansible-playbook', import.meta.url).pathname;
const TIMEOUT_MS = 90_000;
const GENERATED = 'try-results-role.yml';
const INVENTORY = `[local]
testhost
testhost2
testhost3
testhost4
[local:vars]
ansible_connection=local
ansible_python_interpreter="{{ ansible_playbook_python }}"
`;
/** Keys that nothing but a list of plays has at its beginning. */
const PLAYBOOK = /^-\s+(?:hosts|import_playbook|ansible\.builtin\.import_playbook)\s*:|^ {2,4}hosts\s*:/m;

/** The playbooks directly inside; a role is run by a playbook of its own. */
export function playbooksIn(folder) {
  const found = readdirSync(folder)
    .filter((name) => /\.ya?ml$/.test(name))
    .filter((name) => PLAYBOOK.test(readFileSync(join(folder, name), 'utf8')))
    .sort();
  if (existsSync(join(folder, 'tasks/main.yml'))) found.push(GENERATED);
  return found;
}

function prepare(temporary, folder, playbook) {
  const copy = join(temporary, 'targets', basename(folder));
  rmSync(join(temporary, 'targets'), { recursive: true, force: true });
  rmSync(join(temporary, 'home'), { recursive: true, force: true });
  mkdirSync(join(temporary, 'home'), { recursive: true });
  mkdirSync(join(temporary, 'out'), { recursive: true });
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  writeFileSync(join(temporary, 'targets', 'local.ini'), INVENTORY);
  if (playbook === GENERATED)
    writeFileSync(
      join(copy, GENERATED),
      `- hosts: testhost\n  gather_facts: true\n  roles: [${basename(folder)}]\n`,
    );
  const own = readdirSync(copy)
    .filter((name) => /^(?:inventory|hosts)[^/]*$/.test(name) && !name.endsWith('.py'))
    .slice(0, 1);
  return { copy, inventory: own[0] ?? '../local.ini' };
}

function environmentFor(program, temporary, folder) {
  return {
    PATH: `${dirname(program)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: join(temporary, 'home'),
    LC_ALL: 'C.UTF-8',
    // sets keep their order
    PYTHONHASHSEED: '0',
    ANSIBLE_ROLES_PATH: `${join(temporary, 'targets')}:${resolve(dirname(folder))}`,
    ANSIBLE_DEPRECATION_WARNINGS: 'False',
    ANSIBLE_TIMEOUT: '3',
    OUTPUT_DIR: join(temporary, 'out'),
  };
}

/** Runs a copy of the folder, always at the same path, with its output in a file as in a run of Sible. */
export async function runOnce(ansible, folder, playbook, withPlugin) {
  const temporary = join(tmpdir(), `try-results-${process.pid}-${basename(folder)}-${playbook}`);
  try {
    const { copy, inventory } = prepare(temporary, folder, playbook);
    const env = environmentFor(ansible, temporary, folder);
    const events = join(temporary, 'events.jsonl');
    writeFileSync(events, '');
    const added = withPlugin
      ? { ...callbackEnvironment(env, copy).environment, SIBLE_EVENTS: events, SIBLE_ROOT: copy }
      : {};
    const file = join(temporary, 'output.log');
    writeFileSync(file, '');
    const output = openSync(file, 'a');
    const words = ['-i', inventory, playbook, '-f', '1', '-e', `output_dir=${join(temporary, 'out')}`];
    const { code, isTimedOut } = await ended(
      spawn(ansible, words, {
        cwd: copy,
        env: { ...env, ...added },
        stdio: ['ignore', output, output],
        detached: true,
      }),
    );
    closeSync(output);
    return { code, isTimedOut, output: readFileSync(file), events: readFileSync(events, 'utf8') };
  } finally {
    // asynchronous tasks may still write
    rmSync(temporary, { recursive: true, force: true, maxRetries: 20 });
  }
}

function ended(child) {
  return new Promise((resolve, reject) => {
    let isTimedOut = false;
    const timer = setTimeout(() => {
      isTimedOut = true;
      process.kill(-child.pid, 'SIGKILL');
    }, TIMEOUT_MS);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve({ code, isTimedOut });
    });
  });
}

/** Kinds of job events, as our statuses. */
const WITNESSED = {
  runner_on_ok: 'ok',
  runner_on_failed: 'failed',
  runner_on_skipped: 'skipped',
  runner_on_unreachable: 'unreachable',
};
const AS_WITNESSED = { changed: 'ok', rescued: 'failed', ignored: 'failed' };

/** Compares our results with the job events of ansible-runner. @returns differences */
export async function runWitness(runner, folder, playbook, rows) {
  const temporary = mkdtempSync(join(tmpdir(), 'try-results-witness-'));
  try {
    const { copy, inventory } = prepare(temporary, folder, playbook);
    const artifacts = join(temporary, 'artifacts');
    const words = ['run', copy, '-p', playbook, '--project-dir', copy, '--inventory', join(copy, inventory)];
    words.push(
      '--artifact-dir',
      artifacts,
      '-i',
      'one',
      '-q',
      '--cmdline',
      `-f 1 -e output_dir=${temporary}/out`,
    );
    const env = environmentFor(runner, temporary, folder);
    await ended(spawn(runner, words, { cwd: copy, env, stdio: 'ignore', detached: true }));
    const events = join(artifacts, 'one', 'job_events');
    if (!existsSync(events)) return [['witness', 'ansible-runner has no events']];
    const seen = [];
    for (const name of readdirSync(events)) {
      const { event, event_data: data } = JSON.parse(readFileSync(join(events, name), 'utf8'));
      if (event in WITNESSED) seen.push(`${data.task} on ${data.host}: ${WITNESSED[event]}`);
    }
    const ours = rows
      .filter(({ item }) => item === null)
      // it leaves out the role
      .map(
        ({ task, host, status }) =>
          `${task.replace(/^[^:]+ : /, '')} on ${host}: ${AS_WITNESSED[status] ?? status}`,
      );
    const [a, b] = [counted(seen), counted(ours)];
    for (const key of new Set([...seen, ...ours]))
      if (a.get(key) !== b.get(key))
        return [
          ['witness', `${key}: ${a.get(key) ?? 0} events of ansible-runner, ${b.get(key) ?? 0} of ours`],
        ];
    return [];
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function counted(keys) {
  const found = new Map();
  for (const key of keys) found.set(key, (found.get(key) ?? 0) + 1);
  return found;
}
