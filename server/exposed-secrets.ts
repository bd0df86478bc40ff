import { readFileSync } from 'node:fs';

/** A process whose environment holds a secret that playbooks can read there. */
export interface ExposedSecret {
  /** Name of the variable. */
  readonly name: string;
  readonly pid: number;
  /** The program that the process runs, as the kernel calls it. */
  readonly program: string;
}

const MAX_ANCESTORS = 20;

/**
 * Looks through the environments that this process and its ancestors were started with (`npm` keeps its own, for one).
 * What we may read, a playbook may read: it runs as the same user. Linux only; elsewhere nothing is found.
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
