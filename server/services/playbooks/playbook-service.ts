import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { RunParameters } from '../../../shared/run-parameters.ts';
import type { Actor, ChangeLog } from '../../domain/actor.ts';
import { putBounded } from '../../domain/bounded-map.ts';
import {
  ConflictError,
  clip,
  type InputIssue,
  InvalidInputError,
  NotFoundError,
} from '../../domain/errors.ts';
import { pauseBefore } from '../../domain/long-work.ts';
import { keepLineEndings } from '../../domain/playbooks/line-endings.ts';
import {
  checkPlaybookPath,
  isLayoutPath,
  isPlaybookPath,
  MAX_PLAYBOOK_BYTES,
  type Playbook,
} from '../../domain/playbooks/playbook.ts';
import { faultOf, type PlaybookVerdict } from '../../domain/playbooks/playbook-check.ts';
import { isShownWith } from '../../domain/playbooks/playbook-shown.ts';
import {
  decodeText,
  encodeText,
  type PlaybookEncoding,
  unencodable,
} from '../../domain/playbooks/playbook-text.ts';
import { checkRunParameters } from '../../domain/runs/parameters/check.ts';
import { createMutexByKey } from '../mutex-by-key.ts';
import { stampOf } from './file-stamp.ts';
import { FileChangedError, FileRefusedError } from './files/inside.ts';
import { checkParameterFiles } from './parameter-files.ts';
import type { PlaybookFolder } from './playbook-folder.ts';
import { type PlaybookList, type PlaybookListing, problemOf } from './playbook-listing.ts';
import type { PlaybookVerdicts } from './playbook-verdicts.ts';
import { findOpenPrompts, type OpenPrompt } from './prompt-guard.ts';

export interface PlaybookService {
  /** The folder that playbook paths are relative to; absolute, without symlinks. */
  readonly root: string;
  /**
   * All playbooks sorted by path, without content: files that Ansible would read as lists of plays or
   * imports.
   */
  list(actor: Actor): Promise<PlaybookList>;
  /** Null when there is no file, or when the file is not a playbook. */
  find(actor: Actor, path: string): Promise<Playbook | null>;
  /** Why a potential playbook cannot be read as one; null when it can, or when there is no file. */
  problemOf(actor: Actor, path: string): Promise<string | null>;
  /**
   * Saves the text in the file's own encoding. If the text has lost the file's line endings, restores them.
   * @param expectedRevision the revision that was read; null: the file must not exist yet
   * @param encoding null: that of the existing file, UTF-8 for a new one
   * @throws {InvalidInputError} @throws {ConflictError}
   */
  save(
    actor: Actor,
    path: string,
    content: string,
    expectedRevision: string | null,
    encoding?: PlaybookEncoding | null,
  ): Promise<Playbook>;
  /** @throws {InvalidInputError} @throws {NotFoundError} @throws {ConflictError} */
  delete(actor: Actor, path: string, expectedRevision: string | null): Promise<void>;
  /**
   * Checks everything that can be checked before a playbook is scheduled or run: path, file, parameters,
   * inventory, prompts.
   * @throws {InvalidInputError} @throws {NotFoundError} when there is no such playbook
   */
  checkRunnable(actor: Actor, path: string, parameters: RunParameters): Promise<void>;
  /** Whether a file is there now; does not say what it holds. Synchronous and cheap, for the instant of a start. */
  isPresent(path: string): boolean;
}

const MAX_PRESENT = 10_000;

export interface PlaybookServiceOptions {
  readonly folder: PlaybookFolder;
  readonly listing: PlaybookListing;
  readonly verdicts: PlaybookVerdicts;
  readonly logChange: ChangeLog;
}

export function createPlaybookService({
  folder,
  listing,
  verdicts,
  logChange,
}: PlaybookServiceOptions): PlaybookService {
  const saving = createMutexByKey();
  /** Stamps of playbooks known to exist and be readable; compared before reading a file again. */
  const present = new Map<string, string>();

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

  /** @returns the revision of the current file; null: there is none */
  async function requireShownIn(path: string): Promise<string | null> {
    const bytes = await folder.read(path, MAX_PLAYBOOK_BYTES).catch((error: unknown) => {
      // the write or removal that follows reports the reason
      if (error instanceof FileRefusedError) return null;
      throw error;
    });
    if (!bytes) return null;
    requireShown(path, bytes, await verdicts.ofBytes(bytes, false));
    return revisionOf(bytes);
  }

  /** Throws with the reason if there is no playbook to run at this path. */
  async function requireFile(path: string): Promise<void> {
    if (await readRefusing(path)) return;
    if (await folder.leadsOut(path))
      throw invalid(
        ['playbook'],
        `"${clip(path)}" is a symbolic link that leads out of the playbook folder.`,
      );
    throw new NotFoundError('playbook', path);
  }

  async function openPrompts(path: string, parameters: RunParameters): Promise<OpenPrompt[]> {
    const { root } = folder;
    let answers: Readonly<Record<string, unknown>> | null = null;
    return findOpenPrompts(
      {
        playbook: join(root, path),
        workingFolder: join(root, parameters.workingFolder ?? ''),
        // parsed only on demand: few playbooks prompt, and extra variables may be long
        get extraVars() {
          answers ??= answersIn(parameters);
          return answers;
        },
        extraVarsFiles: parameters.extraVarsFiles.map((file) => resolve(root, file)),
      },
      verdicts,
      async () =>
        (await listing.recent()).playbooks
          .filter(({ isOnlyShown }) => !isOnlyShown)
          .map((playbook) => join(root, playbook.path)),
    );
  }

  return {
    root: folder.root,

    list: (_actor) => listing.list(),

    async problemOf(_actor, path) {
      try {
        const playbook = isPlaybookPath(path) ? await folder.read(path, MAX_PLAYBOOK_BYTES) : null;
        if (playbook) return problemOf(await verdicts.ofBytes(playbook, false));
        return (await folder.leadsOut(path))
          ? 'It is a symbolic link that leads out of the playbook folder.'
          : null;
      } catch (error) {
        if (error instanceof FileRefusedError) return error.message;
        throw error;
      }
    },

    async find(_actor, path) {
      if (!isPlaybookPath(path)) return null;
      try {
        const bytes = await folder.read(path, MAX_PLAYBOOK_BYTES);
        if (!bytes || !isShownWith(path, bytes, await verdicts.ofBytes(bytes, false))) return null;
        return playbookOf(path, bytes);
      } catch (error) {
        if (error instanceof FileRefusedError) return null;
        throw error;
      }
    },

    async save(actor, path, content, expectedRevision, encoding = null) {
      requirePath(path, ['path']);
      if (Buffer.byteLength(content) > MAX_PLAYBOOK_BYTES) throw tooLong();
      const verdict = await verdicts.ofBytes(Buffer.from(content), false);
      const fault = faultOf(verdict);
      if (fault)
        throw new InvalidInputError([
          { path: ['content'], message: fault.problem, position: fault.position },
        ]);
      requireShown(path, Buffer.from(content), verdict);
      return saving(path, () =>
        translatingErrors(async () => {
          // otherwise no check is needed: creating never overwrites a file
          const seen = expectedRevision !== null || isLayoutPath(path) ? await requireShownIn(path) : null;
          let saved: Buffer = Buffer.alloc(0);
          if (expectedRevision === null) {
            saved = bytesOf(content, encoding ?? 'utf8');
            await folder.create(path, saved);
          } else {
            await folder.replace(path, MAX_PLAYBOOK_BYTES, (bytes) => {
              requireRevision(path, bytes, expectedRevision, seen);
              const current = decodeText(bytes);
              saved = bytesOf(keepLineEndings(current.content, content), encoding ?? current.encoding);
              return saved;
            });
          }
          logChange(actor, expectedRevision === null ? 'created a playbook' : 'saved a playbook', {
            playbook: path,
          });
          return playbookOf(path, saved);
        }),
      );
    },

    async delete(actor, path, expectedRevision) {
      requirePath(path, ['path']);
      await saving(path, () =>
        translatingErrors(async () => {
          const seen = await requireShownIn(path);
          const isRemoved = await folder.remove(path, MAX_PLAYBOOK_BYTES, (bytes) => {
            requireRevision(path, bytes, expectedRevision, seen);
          });
          if (!isRemoved) throw new NotFoundError('playbook', path);
          logChange(actor, 'deleted a playbook', { playbook: path });
        }),
      );
    },

    isPresent(path) {
      try {
        return statSync(join(folder.root, path)).isFile();
      } catch {
        return false;
      }
    },

    async checkRunnable(_actor, path, parameters) {
      requirePath(path, ['playbook']);
      await pauseBefore(parameters.extraVarsJson ?? '');
      const issues: InputIssue[] = [...checkRunParameters(parameters)];
      if (issues.length === 0) issues.push(...(await checkParameterFiles(folder.root, parameters)));
      if (issues.length > 0) throw new InvalidInputError(issues);
      const stamp = stampOf(join(folder.root, path));
      if (stamp === null || present.get(path) !== stamp) {
        await requireFile(path);
        if (stamp !== null) putBounded(present, path, stamp, MAX_PRESENT);
      }
      const prompts = await openPrompts(path, parameters);
      if (prompts.length > 0) {
        throw invalid(['parameters', 'extraVars'], describePrompts(folder.root, path, prompts));
      }
    },
  };
}

/** The extra variables by name; the values have lost number precision and are not used. */
function answersIn({ extraVarsJson }: RunParameters): Readonly<Record<string, unknown>> {
  return extraVarsJson === null ? {} : JSON.parse(extraVarsJson);
}

function requirePath(path: string, field: readonly string[]): void {
  const issue = checkPlaybookPath(path);
  if (issue) throw new InvalidInputError([{ path: field, ...issue }]);
}

/** @param bytes the whole file @throws {InvalidInputError} */
function requireShown(path: string, bytes: Buffer, verdict: PlaybookVerdict): void {
  // looking like a playbook is not enough to replace or delete it
  if (verdict.kind === 'unknown') throw invalid(['path'], faultOf(verdict)?.problem ?? '');
  if (isShownWith(path, bytes, verdict)) return;
  throw invalid(['path'], `"${clip(path)}" is not a playbook: expected a list of plays or imports.`);
}

/**
 * @param expected null: any revision
 * @param seen the revision that was found to be a playbook
 * @throws {ConflictError}
 */
function requireRevision(
  path: string,
  current: Buffer | null,
  expected: string | null,
  seen: string | null,
): asserts current is Buffer {
  if (!current) throw new ConflictError(`The playbook "${clip(path)}" was deleted since it was read.`);
  const revision = revisionOf(current);
  if (revision !== (expected ?? seen) || revision !== seen)
    throw new ConflictError(`The playbook "${clip(path)}" was changed by someone else since it was read.`);
}

/** Translates the folder's errors into those of this service. */
async function translatingErrors<T>(work: () => Promise<T>): Promise<T> {
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

/** @param root the playbook folder; @param path the playbook to be run */
function describePrompts(root: string, path: string, prompts: readonly OpenPrompt[]): string {
  const asked = prompts.map(({ name, file }) => {
    const asking = relative(root, file);
    return `"${clip(name)}"${asking === path ? '' : ` (in ${clip(asking)})`}`;
  });
  return `The playbook asks for ${asked.join(', ')} (vars_prompt), and nobody is there to answer; give ${prompts.length === 1 ? 'it as an extra variable' : 'them as extra variables'}.`;
}

function invalid(path: readonly string[], message: string): InvalidInputError {
  return new InvalidInputError([{ path, message, position: null }]);
}

function revisionOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
