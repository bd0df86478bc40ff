import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findAnsible } from './ansible.ts';

/** A copy of `tests/fixtures/by-hand`: a playbook folder and a home, to be used by hand or by Sible. */
export interface ByHandCopy {
  readonly playbooks: string;
  readonly home: string;
}

export interface ByHandResult {
  readonly exitCode: number | null;
  /** stdout and stderr as they came, colours included, without a final newline. */
  readonly output: string;
}

const FIXTURES = new URL('../fixtures/by-hand/', import.meta.url).pathname;
const VAULT_PASSWORD = 'only for this test\n';

/** Copies the fixtures to `folder` and adds what is made anew each time: the vault and its password. */
export async function copyByHand(folder: string): Promise<ByHandCopy> {
  const copy = { playbooks: join(folder, 'playbooks'), home: join(folder, 'home') };
  mkdirSync(folder, { recursive: true });
  cpSync(FIXTURES, folder, { recursive: true });
  writeFileSync(join(copy.home, '.vault_pass'), VAULT_PASSWORD, { mode: 0o600 });
  const secrets = join(copy.playbooks, 'vault', 'secrets.yml');
  writeFileSync(secrets, 'secret: "twelve chars"\n');
  await promisify(execFile)(
    join(dirname(findAnsible()), 'ansible-vault'),
    ['encrypt', '--vault-password-file', join(copy.home, '.vault_pass'), secrets],
    { env: environmentOf(copy) },
  );
  return copy;
}

/** What a login shell of the server's user would have. */
export function environmentOf({ home }: ByHandCopy): Record<string, string> {
  return {
    // what a version manager puts on the PATH of a developer has no place in the comparison
    PATH: `${dirname(findAnsible())}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    USER: process.env.USER ?? 'root',
    LOGNAME: process.env.LOGNAME ?? 'root',
    LANG: 'C.UTF-8',
  };
}

/**
 * Runs ansible-playbook as a person would: in `workingFolder`, with stdin from /dev/null.
 * Colours are forced, as a terminal would have them.
 */
export function runByHand(
  copy: ByHandCopy,
  workingFolder: string,
  playbook: string,
  args: readonly string[],
): Promise<ByHandResult> {
  return new Promise((resolve, reject) => {
    // one file for both, so that the lines keep their order
    const outputPath = join(copy.home, '..', `output-${randomUUID()}`);
    const file = openSync(outputPath, 'w');
    const child = spawn(findAnsible(), [...args, join(copy.playbooks, playbook)], {
      cwd: join(copy.playbooks, workingFolder),
      env: { ...environmentOf(copy), ANSIBLE_FORCE_COLOR: '1', ANSIBLE_NOCOWS: '1' },
      stdio: ['ignore', file, file],
    });
    closeSync(file);
    child.once('error', reject);
    child.once('close', (exitCode) => {
      resolve({ exitCode, output: readFileSync(outputPath, 'utf8').replace(/\n$/, '') });
    });
  });
}

/** What must differ between two runs of one playbook: times, temporary names, and where the copy lies. */
export function comparable(output: string, copy: ByHandCopy): string {
  return (
    output
      .replaceAll(copy.playbooks, '<playbooks>')
      .replaceAll(copy.home, '<home>')
      .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?/g, '<instant>')
      .replace(/\d+:\d\d:\d\d[.,]\d+/g, '<duration>')
      // by hand an ansible-playbook that a task starts inherits the colours that this comparison forces
      .replace(/\\u001b\[[\d;]*m/g, '')
      .replace(/ansible-(tmp|local)-[\w.-]+/g, 'ansible-$1-<id>')
      .replace(/tmp[\w]{8}\b/g, 'tmp<id>')
      .replace(/j\d{10,14}\.\d+/g, '<job>')
  );
}
