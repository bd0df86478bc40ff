import { createHash } from 'node:crypto';
import type { RunParameters } from '../../shared/run-parameters.ts';
import { putBounded } from '../domain/bounded-map.ts';
import { ConflictError, clip, type InputIssue, InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { checkPlaybookPath, isPlaybookPath, MAX_PLAYBOOK_BYTES, type Playbook } from '../domain/playbook.ts';
import { checkPlaybookText, importedPlaybooks, requiredPrompts } from '../domain/playbook-check.ts';
import { checkRunParameters } from '../domain/run-parameters/check.ts';
import { checkParameterFiles } from './parameter-files.ts';
import { FileRefusedError, type PlaybookFolder } from './playbook-folder.ts';

export interface PlaybookService {
  /** All playbooks, sorted by path, without their content. */
  listPaths(): Promise<string[]>;
  /** Null when there is none, or when the path is none that a playbook can have. */
  find(path: string): Promise<Playbook | null>;
  /**
   * @param expectedRevision the revision that was read; null: there must be no such playbook yet
   * @throws {InvalidInputError} @throws {ConflictError}
   */
  save(path: string, content: string, expectedRevision: string | null): Promise<Playbook>;
  /** @throws {InvalidInputError} @throws {NotFoundError} @throws {ConflictError} */
  delete(path: string, expectedRevision: string | null): Promise<void>;
  /**
   * Checks what can be checked before a playbook is scheduled or run: path, file, parameters, inventory, prompts.
   * @throws {InvalidInputError} @throws {NotFoundError} when there is no such playbook
   */
  checkRunnable(path: string, parameters: RunParameters): Promise<void>;
}

const MAX_PLAIN = 10_000;

export function createPlaybookService(folder: PlaybookFolder): PlaybookService {
  const saving = createMutexByKey();
  /** Stamps of playbooks that ask for nothing and import no other: most of them, looked at before each run. */
  const plain = new Map<string, string>();

  async function read(path: string): Promise<Playbook | null> {
    const bytes = await folder.read(path, MAX_PLAYBOOK_BYTES);
    if (!bytes) return null;
    return { path, content: bytes.toString('utf8'), revision: revisionOf(bytes) };
  }

  async function readRefusing(path: string): Promise<Playbook | null> {
    try {
      return await read(path);
    } catch (error) {
      if (error instanceof FileRefusedError) throw invalid(['playbook'], error.message);
      throw error;
    }
  }

  /** Prompts of the playbook and of those that it imports. */
  async function openPrompts(path: string, content: string, parameters: RunParameters): Promise<string[]> {
    const extraVars = answersIn(parameters);
    const names = new Set<string>();
    const seen = new Set<string>();
    const visit = async (at: string, text: string): Promise<void> => {
      seen.add(at);
      for (const name of requiredPrompts(text, extraVars)) names.add(name);
      for (const imported of importedPlaybooks(text)) {
        const target = resolveRelative(at, imported);
        if (target === null || seen.has(target)) continue;
        const playbook = await read(target).catch(() => null);
        if (playbook) await visit(target, playbook.content);
      }
    };
    await visit(path, content);
    return [...names];
  }

  return {
    listPaths: () => folder.list(),

    async find(path) {
      if (!isPlaybookPath(path)) return null;
      try {
        return await read(path);
      } catch (error) {
        if (error instanceof FileRefusedError) return null;
        throw error;
      }
    },

    async save(path, content, expectedRevision) {
      requirePath(path, ['path']);
      if (!isPlaybookPath(path)) {
        throw invalid(
          ['path'],
          `"${clip(path)}" is in a folder, or has a name, that Ansible uses for something other than playbooks.`,
        );
      }
      if (Buffer.byteLength(content) > MAX_PLAYBOOK_BYTES) {
        throw invalid(['content'], `The playbook is longer than ${MAX_PLAYBOOK_BYTES} bytes.`);
      }
      const fault = checkPlaybookText(content);
      if (fault)
        throw new InvalidInputError([
          { path: ['content'], message: fault.problem, position: lineStart(content, fault.line) },
        ]);
      return saving(path, async () => {
        const current = await readRefusing(path);
        requireRevision(path, current, expectedRevision);
        try {
          await folder.write(path, content);
        } catch (error) {
          if (error instanceof FileRefusedError) throw invalid(['path'], error.message);
          throw error;
        }
        return { path, content, revision: revisionOf(Buffer.from(content)) };
      });
    },

    async delete(path, expectedRevision) {
      requirePath(path, ['path']);
      await saving(path, async () => {
        const current = await readRefusing(path);
        if (!current) throw new NotFoundError('playbook', path);
        if (expectedRevision !== null) requireRevision(path, current, expectedRevision);
        if (!(await folder.remove(path))) throw new NotFoundError('playbook', path);
      });
    },

    async checkRunnable(path, parameters) {
      requirePath(path, ['playbook']);
      const issues: InputIssue[] = [...checkRunParameters(parameters)];
      if (issues.length === 0) issues.push(...(await checkParameterFiles(folder.root, parameters)));
      if (issues.length > 0) throw new InvalidInputError(issues);
      // the same bytes that were found without prompts and imports before; asked before they are read
      const stamp = folder.stamp(path);
      if (stamp !== null && plain.get(path) === stamp) return;
      const playbook = await readRefusing(path);
      if (!playbook) throw new NotFoundError('playbook', path);
      const fault = checkPlaybookText(playbook.content);
      // a syntax fault of the file is Ansible's to report, in the run's log; prompts cannot be looked for then
      if (fault) return;
      if (
        stamp !== null &&
        requiredPrompts(playbook.content, {}).length === 0 &&
        importedPlaybooks(playbook.content).length === 0
      ) {
        putBounded(plain, path, stamp, MAX_PLAIN);
        return;
      }
      const prompts = await openPrompts(path, playbook.content, parameters);
      if (prompts.length > 0) {
        throw invalid(
          ['parameters', 'extraVars'],
          `The playbook asks for ${prompts.map((name) => `"${clip(name)}"`).join(', ')} (vars_prompt), and nobody is there to answer; give them as extra variables.`,
        );
      }
    },
  };
}

/** The extra variables by name; what they hold is rounded, and not looked at. */
function answersIn({ extraVarsJson }: RunParameters): Readonly<Record<string, unknown>> {
  return extraVarsJson === null ? {} : JSON.parse(extraVarsJson);
}

function requirePath(path: string, field: readonly string[]): void {
  const issue = checkPlaybookPath(path);
  if (issue) throw new InvalidInputError([{ path: field, ...issue }]);
}

function requireRevision(path: string, current: Playbook | null, expected: string | null): void {
  if (expected === null) {
    if (current) throw new ConflictError(`There is a playbook "${clip(path)}" already.`);
  } else if (!current) {
    throw new ConflictError(`The playbook "${clip(path)}" was deleted since it was read.`);
  } else if (current.revision !== expected) {
    throw new ConflictError(`The playbook "${clip(path)}" was changed by someone else since it was read.`);
  }
}

function invalid(path: readonly string[], message: string): InvalidInputError {
  return new InvalidInputError([{ path, message, position: null }]);
}

function revisionOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}

/** Offset at which a 1-based line begins; null when the line is not known. */
function lineStart(text: string, line: number | undefined): number | null {
  if (line === undefined) return null;
  let offset = 0;
  for (let at = 1; at < line; at += 1) {
    const newline = text.indexOf('\n', offset);
    if (newline === -1) break;
    offset = newline + 1;
  }
  return offset;
}

/** The path that `target` means in a playbook at `from`; null when it is templated or leaves the playbook folder. */
function resolveRelative(from: string, target: string): string | null {
  const parts = from.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..') {
      if (parts.pop() === undefined) return null;
    } else if (part !== '.' && part !== '') parts.push(part);
  }
  const path = parts.join('/');
  return target.startsWith('/') || checkPlaybookPath(path) ? null : path;
}

/** Work on the same key one after the other. */
function createMutexByKey(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const result = (tails.get(key) ?? Promise.resolve()).then(work, work);
    const tail = result.catch(() => undefined);
    tails.set(key, tail);
    void tail.then(() => {
      if (tails.get(key) === tail) tails.delete(key);
    });
    return result;
  };
}
