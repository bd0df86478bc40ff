import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { isAbsolute } from 'node:path';
import { RunRefusedError } from '../runner.ts';

/** The program that runs playbooks: ansible-playbook, or one that accepts its arguments. */
export interface AnsibleProgram {
  readonly path: string;
  /** @throws {RunRefusedError} when it is not executable, as far as can be told without running it */
  requireExecutable(): void;
  /** Version of ansible-core, e.g. "2.19.4"; null when it cannot be read. Queried once. */
  version(): Promise<string | null>;
}

const VERSION_TIMEOUT_MS = 20_000;

/** @param path absolute, or a name to look up in PATH */
export function createAnsibleProgram(path: string, onWarning: (message: string) => void): AnsibleProgram {
  let version: Promise<string | null> | null = null;
  const missing = problemOf(path);
  if (missing !== null) onWarning(missing);
  return {
    path,

    requireExecutable() {
      const problem = problemOf(path);
      if (problem !== null) throw new RunRefusedError(problem);
    },

    version() {
      version ??= readVersion(path);
      return version;
    },
  };
}

/** Why it cannot be executed; null when no obstacle is known. */
function problemOf(path: string): string | null {
  if (!isAbsolute(path)) return null;
  try {
    accessSync(path, constants.X_OK);
    return null;
  } catch {
    return `"${path}" is not there or cannot be executed; install Ansible or set SIBLE_ANSIBLE_PLAYBOOK.`;
  }
}

function readVersion(program: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(program, ['--version'], { timeout: VERSION_TIMEOUT_MS, maxBuffer: 65_536 }, (error, stdout) => {
      // "ansible-playbook [core 2.19.4]"; any other program has a version that we cannot parse
      resolve(error ? null : (/\[core ([^[\]]{1,40})\]/.exec(stdout)?.[1] ?? null));
    });
  });
}
