import { createHash } from 'node:crypto';
import type { RunParameters } from '../../shared/run-parameters.ts';
import { putBounded } from '../domain/bounded-map.ts';
import { ConflictError, clip, type InputIssue, InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { keepLineEndings } from '../domain/line-endings.ts';
import { checkPlaybookPath, isPlaybookPath, MAX_PLAYBOOK_BYTES, type Playbook } from '../domain/playbook.ts';
import { checkPlaybookText, importedPlaybooks, requiredPrompts } from '../domain/playbook-check.ts';
import { decodeText, encodeText, type PlaybookEncoding, unencodable } from '../domain/playbook-text.ts';
import { checkRunParameters } from '../domain/run-parameters/check.ts';
import { createMutexByKey } from './mutex-by-key.ts';
import { checkParameterFiles } from './parameter-files.ts';
import { FileChangedError, FileRefusedError } from './playbook-files/inside.ts';
import type { PlaybookFolder } from './playbook-folder.ts';

export interface PlaybookService {
  /** All playbooks, sorted by path, without their content. */
  listPaths(): Promise<string[]>;
  /** Null when there is none, or when the path is none that a playbook can have. */
  find(path: string): Promise<Playbook | null>;
  /**
   * Saves the text in the file's own encoding. A text that has lost the file's line endings gets them back.
   * @param expectedRevision the revision that was read; null: nothing may be there yet
   * @param encoding null: the one that the file has, UTF-8 for a new one
   * @throws {InvalidInputError} @throws {ConflictError}
   */
  save(
    path: string,
    content: string,
    expectedRevision: string | null,
    encoding?: PlaybookEncoding | null,
  ): Promise<Playbook>;
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
    return playbookOf(path, bytes);
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

    async save(path, content, expectedRevision, encoding = null) {
      requireOurs(path);
      if (Buffer.byteLength(content) > MAX_PLAYBOOK_BYTES) throw tooLong();
      const fault = checkPlaybookText(content);
      if (fault)
        throw new InvalidInputError([
          { path: ['content'], message: fault.problem, position: lineStart(content, fault.line) },
        ]);
      return saving(path, () =>
        told(async () => {
          let saved: Buffer = Buffer.alloc(0);
          if (expectedRevision === null) {
            saved = bytesOf(content, encoding ?? 'utf8');
            await folder.create(path, saved);
          } else {
            await folder.replace(path, MAX_PLAYBOOK_BYTES, (bytes) => {
              requireRevision(path, bytes, expectedRevision);
              const current = decodeText(bytes);
              saved = bytesOf(keepLineEndings(current.content, content), encoding ?? current.encoding);
              return saved;
            });
          }
          return playbookOf(path, saved);
        }),
      );
    },

    async delete(path, expectedRevision) {
      requireOurs(path);
      await saving(path, () =>
        told(async () => {
          const isRemoved = await folder.remove(path, MAX_PLAYBOOK_BYTES, (bytes) => {
            if (expectedRevision !== null) requireRevision(path, bytes, expectedRevision);
          });
          if (!isRemoved) throw new NotFoundError('playbook', path);
        }),
      );
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

/** What can be saved and deleted here is what can be read here: playbooks, and not the other files of Ansible's layout. */
function requireOurs(path: string): void {
  requirePath(path, ['path']);
  if (isPlaybookPath(path)) return;
  throw invalid(
    ['path'],
    `"${clip(path)}" is in a folder, or has a name, that Ansible uses for something other than playbooks.`,
  );
}

/** @throws {ConflictError} */
function requireRevision(path: string, current: Buffer | null, expected: string): asserts current is Buffer {
  if (!current) throw new ConflictError(`The playbook "${clip(path)}" was deleted since it was read.`);
  if (revisionOf(current) !== expected)
    throw new ConflictError(`The playbook "${clip(path)}" was changed by someone else since it was read.`);
}

/** What the folder throws, in words of this service. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FileRefusedError) throw invalid(['path'], error.message);
    if (error instanceof FileChangedError) throw new ConflictError(error.message);
    throw error;
  }
}

function playbookOf(path: string, bytes: Buffer): Playbook {
  return { path, ...decodeText(bytes), revision: revisionOf(bytes) };
}

const ENCODING_NAMES: Readonly<Record<PlaybookEncoding, string>> = {
  utf8: 'UTF-8',
  utf8Bom: 'UTF-8',
  utf16le: 'UTF-16',
  utf16be: 'UTF-16',
  latin1: 'ISO 8859-1 (Latin-1)',
};

/** @throws {InvalidInputError} */
function bytesOf(content: string, encoding: PlaybookEncoding): Buffer {
  const position = unencodable(content, encoding);
  if (position !== null) {
    const character = JSON.stringify(String.fromCodePoint(content.codePointAt(position) ?? 0));
    const message = `The file is in ${ENCODING_NAMES[encoding]}, which has no character ${character}. Save it as UTF-8 instead; Ansible reads no other encoding.`;
    throw new InvalidInputError([{ path: ['content'], message, position }]);
  }
  const bytes = encodeText(content, encoding);
  if (bytes.length > MAX_PLAYBOOK_BYTES) throw tooLong();
  return bytes;
}

function tooLong(): InvalidInputError {
  return invalid(['content'], `The playbook is longer than ${MAX_PLAYBOOK_BYTES} bytes.`);
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
