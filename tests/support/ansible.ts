import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findAnsiblePlaybook } from '../../server/runner/ansible/find-ansible.ts';

const ROOT = new URL('../..', import.meta.url).pathname;

/** The real ansible-playbook; `npm test` makes sure that there is one. */
export function findAnsible(): string {
  const found = findAnsiblePlaybook(
    process.env.SIBLE_ANSIBLE_PLAYBOOK ?? null,
    join(ROOT, 'data'),
    process.env.PATH ?? '',
  );
  if (!existsSync(found))
    throw new Error(`There is no ansible-playbook (looked for "${found}"); "npm test" installs one.`);
  return found;
}
