import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ROOT, SetupError } from './setup-lock.mjs';
import { run, runStep } from './step.mjs';

/** The newest ansible-core that each Python runs, newest first: least minor version of Python 3, ansible-core. */
const ANSIBLE_CORE = [
  [11, '2.19.14'],
  [10, '2.17.14'],
  [9, '2.15.13'],
];
const OR_ELSE = 'or install Ansible yourself, or name a program in SIBLE_ANSIBLE_PLAYBOOK';

/** Makes sure that there is an ansible-playbook: the configured one, one on PATH, or a private one below the data folder. */
export async function provideAnsible(env) {
  if (env.SIBLE_ANSIBLE_PLAYBOOK) return;
  const folder = join(resolve(ROOT, env.SIBLE_DATA_DIR || 'data'), 'ansible');
  const stamp = join(folder, '.complete');
  const made = existsSync(stamp) ? readFileSync(stamp, 'utf8').trim() : null;
  if (made !== null && ANSIBLE_CORE.some(([, version]) => version === made)) return;
  if ((await run('ansible-playbook', ['--version'], env)).code === 0) return;

  const minor = await pythonMinor(env);
  const version = ANSIBLE_CORE.find(([least]) => minor >= least)?.[1];
  if (version === undefined) {
    throw new SetupError(
      `Ansible needs Python 3.9 or newer; this is 3.${minor}. Install a newer one, ${OR_ELSE}.`,
    );
  }
  // an environment cannot be moved, so it is made in its place, and counts only with the stamp that is written last
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  await runStep('Making a private Python environment', 'python3', ['-m', 'venv', folder], {
    env,
    explain: (output) =>
      /ensurepip|python3-venv|No module named venv/i.test(output)
        ? `Python's "venv" module is missing. On Debian and Ubuntu: apt install python3-venv; ${OR_ELSE}.`
        : null,
  });
  const pip = [
    join(folder, 'bin', 'python'),
    ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', `ansible-core==${version}`],
  ];
  await runStep(`Installing ansible-core ${version}`, ...pip, {
    env,
    explain: (output) =>
      /NewConnectionError|Failed to establish|Temporary failure|Name or service not known|Connection refused|ProxyError|No matching distribution/i.test(
        output,
      )
        ? `The Python package index cannot be reached. Connect this machine to the network, ${OR_ELSE}.`
        : null,
  });
  writeFileSync(stamp, `${version}\n`);
}

async function pythonMinor(env) {
  const { code, output } = await run(
    'python3',
    ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'],
    env,
  );
  if (code !== 0) {
    throw new SetupError(
      `There is no Python 3 (program "python3"), which Ansible is written in. Install it (Debian: apt install python3 python3-venv), ${OR_ELSE}.`,
    );
  }
  const [major = 0, minor = 0] = output.trim().split('.').map(Number);
  return major === 3 ? minor : 0;
}
