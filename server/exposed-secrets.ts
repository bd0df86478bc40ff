import { readFileSync } from 'node:fs';

/** A process whose environment exposes a secret to playbooks. */
export interface ExposedSecret {
  /** Name of the variable. */
  readonly name: string;
  readonly pid: number;
  /** Name of the process's program, as the kernel reports it. */
  readonly program: string;
}

const MAX_ANCESTORS = 20;

/**
 * Searches the initial environments of this process and its ancestors (`npm`, for one, keeps its own).
 * Whatever we can read, a playbook can read, since it runs as the same user. Linux only; elsewhere it finds
 * nothing.
 */
export function findExposedSecrets(names: readonly string[]): ExposedSecret[] {
  const found: ExposedSecret[] = [];
  let pid = process.pid;
  for (let n = 0; n < MAX_ANCESTORS && pid > 0; n += 1) {
    const status = read(`/proc/${pid}/stat`);
    const program = status.slice(status.indexOf('(') + 1, status.lastIndexOf(')'));
    const variables = read(`/proc/${pid}/environ`).split('\0');
    for (const name of names)
      if (variables.some((variable) => variable.startsWith(`${name}=`) && variable.length > name.length + 1))
        found.push({ name, pid, program });
    pid = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
