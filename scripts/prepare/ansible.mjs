import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { ROOT, SetupError } from './setup-error.mjs';
import { run, runStep } from './step.mjs';

/** The ansible-core for each Python 3, newest first: the least minor version of Python, and the release. */
const RELEASES = [
  [11, '2.19.14'],
  [10, '2.17.14'],
  [9, '2.15.13'],
];
/** Written last: without it an environment is half made. */
const STAMP = '.complete';
/** Remembers the program on PATH that answered: asking it costs half a second at each start. */
const ANSWERED = join(ROOT, 'node_modules', '.sible-ansible');
const OR_ELSE = 'or install Ansible yourself, or name its ansible-playbook in SIBLE_ANSIBLE_PLAYBOOK';

/**
 * What makes an ansible-playbook available; null when one is configured, below the data folder, or on PATH and known to answer.
 * `server/runner/ansible/find-ansible.ts` looks in the same order, and goes by the stamp.
 */
export function missingAnsible() {
  if (process.env.SIBLE_ANSIBLE_PLAYBOOK) return null;
  const folder = join(resolve(ROOT, process.env.SIBLE_DATA_DIR || 'data'), 'ansible');
  if (isComplete(folder)) return null;
  const stamp = join(folder, STAMP);
  const found = findOnPath();
  const hasAnswered = found !== null && existsSync(ANSWERED) && readFileSync(ANSWERED, 'utf8') === found;
  if (hasAnswered && !existsSync(stamp)) return null;
  return async () => {
    // of an environment that was moved, or is of a release of long ago
    rmSync(stamp, { force: true });
    if (found !== null && (await run('ansible-playbook', ['--version'])).code === 0)
      writeFileSync(ANSWERED, found);
    else await makeEnvironment(folder);
  };
}

/** The first ansible-playbook on PATH, and what changes when it is replaced. */
function findOnPath() {
  for (const part of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(part, 'ansible-playbook');
    try {
      if (part === '') continue;
      accessSync(path, constants.X_OK);
      const { size, mtimeMs } = statSync(path);
      return `${path} ${size} ${mtimeMs}\n`;
    } catch {
      // not here
    }
  }
  return null;
}

/** Whether the environment was finished, with a release of today, in this very place, and its Python is still there. */
function isComplete(folder) {
  try {
    const version = readFileSync(join(folder, STAMP), 'utf8').trim();
    const python = join(folder, 'bin', 'python');
    return (
      RELEASES.some((release) => release[1] === version) &&
      existsSync(python) &&
      readFileSync(join(folder, 'bin', 'ansible-playbook'), 'utf8').includes(python)
    );
  } catch {
    return false;
  }
}

async function makeEnvironment(folder) {
  const version = await releaseForPython();
  // made in its final place, since it cannot be moved, and counted only with the stamp that is written last
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
  await runStep('Making a private Python environment for Ansible', 'python3', ['-m', 'venv', folder], {
    explain: explainEnvironment,
  });
  const options = ['--disable-pip-version-check', '--no-input'];
  const install = ['-m', 'pip', 'install', ...options, `ansible-core==${version}`];
  await runStep(`Installing ansible-core ${version}`, join(folder, 'bin', 'python'), install, {
    explain: explainInstall,
  });
  writeFileSync(join(folder, STAMP), `${version}\n`);
}

async function releaseForPython() {
  const script = 'import sys; print("%d.%d" % sys.version_info[:2])';
  const { code, output } = await run('python3', ['-c', script]);
  if (code !== 0) {
    throw new SetupError(
      `There is no Python 3 (no program "python3" that runs), which Ansible is written in. Install it (Debian: apt install python3 python3-venv), ${OR_ELSE}.`,
    );
  }
  const [major = 0, minor = 0] = output.trim().split('.').map(Number);
  const release = RELEASES.find(([least]) => major === 3 && minor >= least);
  if (release === undefined) {
    throw new SetupError(
      `Ansible needs Python 3.${RELEASES.at(-1)[0]} or newer; python3 is ${output.trim()}. Install a newer one, ${OR_ELSE}.`,
    );
  }
  return release[1];
}

function explainEnvironment(output) {
  if (!/ensurepip|python3-venv|No module named '?venv/i.test(output)) return null;
  return `Python's module "venv" or "ensurepip" is missing. Install it (Debian and Ubuntu: apt install python3-venv), ${OR_ELSE}.`;
}

function explainInstall(output) {
  const isUnreachable =
    /NewConnectionError|ConnectTimeout|ProxyError|Failed to establish a new connection|Name or service not known|Temporary failure in name resolution|Network is unreachable|Connection refused/i;
  if (!isUnreachable.test(output)) return null;
  return `The Python package index cannot be reached. Connect this machine to the network (or set a proxy in pip's configuration), ${OR_ELSE}.`;
}
