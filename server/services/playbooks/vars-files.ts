import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Slices } from '../../domain/long-work.ts';
import type { PlaybookVerdicts } from './playbook-verdicts.ts';

/** Values of a play's `vars_files`, which win over the answer to its prompts. */
export interface VarsFiles {
  /**
   * Whether the play gets a value for this variable whatever the host is. False where that is not certain.
   * @param varsFiles of each item the first that is there is taken
   * @param folder absolute path of the playbook's folder
   */
  give(name: string, varsFiles: readonly (readonly string[])[], folder: string): Promise<boolean>;
}

/** Files that are looked for on behalf of one run. */
const MAX_LOOKS = 500;

export function createVarsFiles(verdicts: PlaybookVerdicts, slices: Slices): VarsFiles {
  const known = new Map<string, ReadonlySet<string>>();
  let looks = 0;

  /** Null: none of them is there, or nobody can say which is taken. */
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
      // Ansible looks elsewhere, too, or for another variable
      if (!isVariableName(name) || !isPlain(folder) || /\/tasks\/[^/]*$/.test(folder)) return false;
      for (const names of varsFiles) if ((await namesIn(names, folder)).has(name)) return true;
      return false;
    },
  };
}

/** Shorter than what the reader clips. */
function isVariableName(name: string): boolean {
  return /^[A-Za-z_]\w{0,399}$/.test(name);
}

/** Neither a template, nor a home, nor an environment variable, all of which Ansible fills in. */
function isPlain(path: string): boolean {
  return path !== '' && !/[{}#$~\0]/.test(path);
}

/** Where Ansible looks, in this order, and what it then loads: the same without "..", which a link in the path tells apart. */
function placesOf(name: string, folder: string): { readonly asked: string; readonly loaded: string }[] {
  const paths = name.startsWith('/')
    ? [resolve(name)]
    : [...(name.split('/')[0] === 'vars' ? [] : [`${folder}/vars/${name}`]), `${folder}/${name}`];
  return paths.map((asked) => ({ asked, loaded: resolve(asked) }));
}
