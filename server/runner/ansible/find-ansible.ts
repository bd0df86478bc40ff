import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PROGRAM = 'ansible-playbook';

/**
 * Finds the program that runs playbooks: the configured one, or else the private copy that `npm start`
 * installed in the data folder because it found none that worked, or else the first `ansible-playbook` on
 * `path`, or else the path that the private copy would have. Looks in the same order as
 * `scripts/prepare/ansible.mjs`.
 */
export function findAnsiblePlaybook(configured: string | null, dataDir: string, path: string): string {
  if (configured !== null) return configured;
  const own = join(dataDir, 'ansible');
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  const onPath = folders.map((folder) => join(folder, PROGRAM)).find(isExecutable);
  // the stamp is written last: without it the private copy is incomplete
  if (onPath === undefined || existsSync(join(own, '.complete'))) return join(own, 'bin', PROGRAM);
  return onPath;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
