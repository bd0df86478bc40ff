import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * The program to run playbooks with: the one that is configured, else the first `ansible-playbook` on `path`,
 * else the private one that `npm start` makes below the data folder (which may not exist).
 */
export function findAnsiblePlaybook(configured: string | null, dataDir: string, path: string): string {
  if (configured !== null) return configured;
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, 'ansible-playbook');
    if (folder !== '' && isExecutable(candidate)) return candidate;
  }
  return join(dataDir, 'ansible', 'bin', 'ansible-playbook');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
