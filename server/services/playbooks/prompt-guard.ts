import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { createSlices } from '../../domain/long-work.ts';
import { fillTemplates, matchesPattern, type TextPattern } from '../../domain/playbooks/import-target.ts';
import type { PlaybookImport } from '../../domain/playbooks/playbook-check.ts';
import { type PlaybookVerdicts, readRegular } from './playbook-verdicts.ts';
import { createVarsFiles } from './vars-files.ts';

/** A prompt without an answer. */
export interface OpenPrompt {
  readonly name: string;
  /** Absolute path of the playbook with the prompt. */
  readonly file: string;
}

export interface PromptQuestion {
  /** Absolute path of the playbook to be run. */
  readonly playbook: string;
  /** Folder from which it is started. */
  readonly workingFolder: string;
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** Absolute paths of variables files. */
  readonly extraVarsFiles: readonly string[];
}

const MAX_PLAYBOOKS = 1_000;
/** Limit on import patterns matched against the paths of all playbooks. */
const MAX_PATTERNS = 1_000;
/** Listing more would not help. */
const MAX_PROMPTS = 100;

/**
 * Prompts of the playbook, and of everything it imports, that neither an extra variable nor a variables file
 * of their play answers. Nobody can answer a scheduled run, and without a terminal Ansible does not fail: it
 * continues with the default, or with nothing.
 * A template in the name of an import is filled in from the extra variables and the import's own. If that
 * does not determine the file, every playbook counts whose path matches the rest of the name.
 * Prompts in files that cannot be read here (encrypted, too heavy), and those beyond the limits, are caught
 * by our callback plugin during the run.
 * @param listPlaybooks absolute paths of all playbooks
 */
export async function findOpenPrompts(
  question: PromptQuestion,
  verdicts: PlaybookVerdicts,
  listPlaybooks: () => Promise<readonly string[]>,
): Promise<OpenPrompt[]> {
  const open = new Map<string, OpenPrompt>();
  const slices = createSlices();
  // the loop also visits what is added during iteration
  const playbooks = new Set([question.playbook]);
  const files = createVarsFiles(verdicts, slices);
  const patterns = new Set<string>();
  let answers: Answers | null = null;
  let folders: readonly string[] | null = null;
  let all: readonly string[] | null = null;

  async function targetsOf(imported: PlaybookImport, folder: string): Promise<readonly string[]> {
    const pattern = fillTemplates(imported.file, (name) => textFor(name, imported, question));
    const [only] = pattern;
    if (pattern.length === 1 && typeof only === 'string') {
      folders ??= await collectionFolders(question);
      return filesOf(only, folder, folders);
    }
    const whole = wholeOf(pattern, folder);
    const key = JSON.stringify(whole);
    if (patterns.has(key) || patterns.size >= MAX_PATTERNS) return [];
    patterns.add(key);
    all ??= await listPlaybooks();
    const matches: string[] = [];
    for (const path of all) {
      if (matchesPattern(path, whole)) matches.push(path);
      await slices.pause();
    }
    return matches;
  }

  for (const file of playbooks) {
    await slices.pause();
    const verdict = await verdicts.ofFile(file, true);
    if (verdict?.kind !== 'playbook' && verdict?.kind !== 'list') continue;
    for (const { name, hasDefault, varsFiles } of verdict.prompts) {
      if (hasDefault || open.size >= MAX_PROMPTS) continue;
      answers ??= await answersOf(question, verdicts);
      if (answers.isAnswered(name) || (await files.give(name, varsFiles, dirname(file)))) continue;
      open.set(name, { name, file });
    }
    for (const imported of verdict.imports) {
      if (playbooks.size >= MAX_PLAYBOOKS) break;
      for (const target of await targetsOf(imported, dirname(file)))
        if (playbooks.size < MAX_PLAYBOOKS) playbooks.add(target);
      await slices.pause();
    }
  }
  return [...open.values()];
}

interface Answers {
  isAnswered(name: string): boolean;
}

async function answersOf(question: PromptQuestion, verdicts: PlaybookVerdicts): Promise<Answers> {
  const names = new Set(Object.keys(question.extraVars));
  // an unreadable file may define any name; if it does not, our callback plugin ends the run
  let mayHoldAny = false;
  for (const file of question.extraVarsFiles) {
    const verdict = await verdicts.ofFile(file, true);
    if (verdict?.kind === 'mapping' && verdict.names) for (const name of verdict.names) names.add(name);
    else if (verdict?.kind !== 'empty') mayHoldAny = true;
  }
  return {
    isAnswered(name) {
      const [filled = null, more] = fillTemplates(name, (one) => textOf(question.extraVars[one]));
      return mayHoldAny || (filled !== null && more === undefined && names.has(filled));
    },
  };
}

/** Extra variables take precedence over the import's own, as in Ansible. */
function textFor(name: string, imported: PlaybookImport, question: PromptQuestion): string | null {
  if (Object.hasOwn(question.extraVars, name)) return textOf(question.extraVars[name]);
  if (Object.hasOwn(imported.vars, name)) return imported.vars[name] ?? null;
  return name === 'playbook_dir' ? dirname(question.playbook) : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}

/** The file itself, and the files of a collection's playbook of that name, which Ansible would prefer. */
function filesOf(name: string, folder: string, places: readonly string[]): string[] {
  const [namespace, collection, ...rest] = name.split('.');
  const files = [resolve(folder, name)];
  if (!namespace || !collection || rest.length === 0 || name.includes('/')) return files;
  const path = join('ansible_collections', namespace, collection, 'playbooks', ...rest);
  for (const place of places) for (const end of ['.yml', '.yaml', '']) files.push(join(place, path + end));
  return files;
}

async function collectionFolders({ playbook, workingFolder }: PromptQuestion): Promise<string[]> {
  const named = [process.env.ANSIBLE_COLLECTIONS_PATH, process.env.ANSIBLE_COLLECTIONS_PATHS];
  const folders = named.flatMap((value) => value?.split(':') ?? []);
  const config = await readRegular(join(workingFolder, 'ansible.cfg'));
  for (const line of config?.toString().split('\n') ?? []) {
    const [key = '', ...value] = line.split('=');
    if (['collections_path', 'collections_paths'].includes(key.trim()))
      folders.push(...value.join('=').trim().split(':'));
  }
  return [
    join(dirname(playbook), 'collections'),
    ...folders
      .filter((folder) => folder !== '')
      .map((folder) =>
        folder.startsWith('~/') ? join(homedir(), folder.slice(2)) : resolve(workingFolder, folder),
      ),
    join(homedir(), '.ansible/collections'),
    '/usr/share/ansible/collections',
  ];
}

/** A pattern for absolute paths. */
function wholeOf(pattern: TextPattern, folder: string): TextPattern {
  const [first, ...rest] = pattern;
  // a leading template may stand for a folder anywhere
  if (typeof first !== 'string') return pattern;
  return [withoutDots(isAbsolute(first) ? first : join(folder, '/') + first), ...rest];
}

/** Resolves `..`, but keeps the text after the last slash, which may be the beginning of a name. */
function withoutDots(text: string): string {
  const at = text.lastIndexOf('/') + 1;
  return join(text.slice(0, at), '/') + text.slice(at);
}
