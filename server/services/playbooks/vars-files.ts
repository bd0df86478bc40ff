import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Slices } from '../../domain/long-work.ts';
import type { PlaybookVerdicts } from './playbook-verdicts.ts';

/** A play's `vars_files`, whose values take precedence over its prompts. */
export interface VarsFiles {
  /**
   * Whether the play is certain to get a value for this variable, on every host.
   * @param varsFiles the candidates of each item; Ansible loads the first that exists
   * @param folder absolute path of the playbook's folder
   */
  give(name: string, varsFiles: readonly (readonly string[])[], folder: string): Promise<boolean>;
}

/** File lookups per run. */
const MAX_LOOKS = 500;

export function createVarsFiles(verdicts: PlaybookVerdicts, slices: Slices): VarsFiles {
  const known = new Map<string, ReadonlySet<string>>();
  let looks = 0;

  /** Null when none of them exists, or when it is uncertain which one Ansible loads. */
  async function firstOf(names: readonly string[], folder: string): Promise<string | null> {
    for (const name of names) {
      if (!isPlain(name)) return null;
      for (const { asked, loaded } of placesOf(name, folder)) {
        looks += 1;
        if (looks > MAX_LOOKS) return null;
        await slices.pause();
        if (existsSync(asked)) return loaded;
      }
    }
    return null;
  }

  async function namesIn(names: readonly string[], folder: string): Promise<ReadonlySet<string>> {
    const key = JSON.stringify([folder, ...names]);
    const before = known.get(key);
    if (before) return before;
    const path = await firstOf(names, folder);
    const verdict = path === null ? null : await verdicts.ofFile(path, true);
    const found = new Set(verdict?.kind === 'mapping' ? verdict.names : []);
    known.set(key, found);
    return found;
  }

  return {
    async give(name, varsFiles, folder) {
      // Ansible would also look elsewhere, or for another variable
      if (!isVariableName(name) || !isPlain(folder) || /\/tasks\/[^/]*$/.test(folder)) return false;
      for (const names of varsFiles) if ((await namesIn(names, folder)).has(name)) return true;
      return false;
    },
  };
}

/** The length limit stays below the one at which the reader clips names. */
function isVariableName(name: string): boolean {
  return /^[A-Za-z_]\w{0,399}$/.test(name);
}

/** Whether a path has nothing that Ansible would expand: templates, `~`, environment variables. */
function isPlain(path: string): boolean {
  return path !== '' && !/[{}#$~\0]/.test(path);
}

/**
 * Where Ansible looks, in order, and what it then loads: it resolves ".." first, which makes a difference
 * where the path has symlinks.
 */
function placesOf(name: string, folder: string): { readonly asked: string; readonly loaded: string }[] {
  const paths = name.startsWith('/')
    ? [resolve(name)]
    : [...(name.split('/')[0] === 'vars' ? [] : [`${folder}/vars/${name}`]), `${folder}/${name}`];
  return paths.map((asked) => ({ asked, loaded: resolve(asked) }));
}
