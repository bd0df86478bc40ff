import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PROGRAM = 'ansible-playbook';

/**
 * The program to run playbooks with: the one that is configured, else the private one that `npm start` made below the data
 * folder because it found none that worked, else the first `ansible-playbook` on `path`, else where the private one would be.
 * Looks in the same order as `scripts/prepare/ansible.mjs`.
 */
export function findAnsiblePlaybook(configured: string | null, dataDir: string, path: string): string {
  if (configured !== null) return configured;
  const own = join(dataDir, 'ansible');
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  const onPath = folders.map((folder) => join(folder, PROGRAM)).find(isExecutable);
  // the stamp is written last: without it the private one is half made
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
