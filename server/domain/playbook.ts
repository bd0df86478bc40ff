import { clip, type InputIssue } from './errors.ts';
import { codePointAt, findInvisible } from './invisible.ts';
import type { PlaybookEncoding } from './playbook-text.ts';

export interface Playbook {
  /** Relative to the playbook folder, with "/". */
  readonly path: string;
  readonly content: string;
  readonly encoding: PlaybookEncoding;
  /** Hash of the file's bytes. */
  readonly revision: string;
}

/** In UTF-8 bytes. */
export const MAX_PLAYBOOK_BYTES = 1_048_576;
const MAX_PATH_LENGTH = 500;
const MAX_DEPTH = 10;

/**
 * Folders of Ansible's own layout that hold no playbooks.
 * @see https://docs.ansible.com/ansible/latest/tips_tricks/sample_setup.html
 */
const NO_PLAYBOOK_FOLDERS = new Set([
  'roles',
  'group_vars',
  'host_vars',
  'inventory',
  'inventories',
  'collections',
  'library',
  'module_utils',
  'filter_plugins',
  'lookup_plugins',
  'callback_plugins',
  'action_plugins',
  'tasks',
  'handlers',
  'vars',
  'defaults',
  'meta',
  'templates',
  'files',
]);
const NO_PLAYBOOK_FILES = new Set(['requirements.yml', 'requirements.yaml', 'galaxy.yml', 'galaxy.yaml']);

/** Whether a file at this path, relative to the playbook folder, is shown as a playbook. */
export function isPlaybookPath(path: string): boolean {
  const segments = path.split('/');
  const name = segments.pop() ?? '';
  return (
    /\.ya?ml$/.test(name) &&
    !NO_PLAYBOOK_FILES.has(name) &&
    checkPlaybookPath(path) === null &&
    segments.every(isPlaybookFolder)
  );
}

/** Whether playbooks may be in a folder of this name. */
export function isPlaybookFolder(name: string): boolean {
  return !name.startsWith('.') && !NO_PLAYBOOK_FOLDERS.has(name);
}

/**
 * What is wrong with the path of a playbook, if anything. A path is relative, uses "/", ends in .yml or .yaml
 * and has no part that begins with "." or "-" (an option, to a program that is given it).
 */
export function checkPlaybookPath(path: string): Omit<InputIssue, 'path'> | null {
  const issue = (message: string, position: number | null = null) => ({
    message: `Playbook path "${clip(path)}" ${message}`,
    position,
  });
  if (path === '')
    return { message: 'The playbook path is empty; expected a path such as "site.yaml".', position: null };
  if (path.length > MAX_PATH_LENGTH) return issue(`is longer than ${MAX_PATH_LENGTH} characters.`);
  const invisible = findInvisible(path);
  if (invisible !== -1)
    return issue(
      `has a character that is not allowed: a control character, or one that is not seen (${codePointAt(path, invisible)}).`,
      invisible,
    );
  const backslash = path.indexOf('\\');
  if (backslash !== -1)
    return issue('has a character that is not allowed: a backslash; parts are separated by "/".', backslash);
  if (path.startsWith('/')) return issue('is absolute; expected one relative to the playbook folder.', 0);
  const segments = path.split('/');
  if (segments.length > MAX_DEPTH) return issue(`is more than ${MAX_DEPTH} folders deep.`);
  let position = 0;
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') {
      return issue(
        'leaves the playbook folder or has an empty part; expected a path such as "site/web.yaml".',
        position,
      );
    }
    if (segment.startsWith('.') || segment.startsWith('-') || segment.startsWith('~')) {
      return issue(`has a part that begins with "${segment[0]}".`, position);
    }
    if (segment.trim() !== segment) return issue('has a part that begins or ends with a blank.', position);
    if (Buffer.byteLength(segment) > 255) return issue('has a part longer than 255 bytes.', position);
    position += segment.length + 1;
  }
  if (!/\.ya?ml$/.test(path)) return issue('does not end in ".yaml" or ".yml".', path.length);
  return null;
}
