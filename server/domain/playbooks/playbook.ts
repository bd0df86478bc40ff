import { clip, type InputIssue } from '../errors.ts';
import { codePointAt, findInvisible } from '../invisible.ts';
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

/**
 * Names of Ansible's own layout, in lower case, that mostly hold something other than playbooks: there a file is shown only
 * when it is certain to be one.
 * @see https://docs.ansible.com/ansible/latest/tips_tricks/sample_setup.html
 */
const LAYOUT_NAMES = new Set([
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
  'requirements.yml',
  'requirements.yaml',
  'galaxy.yml',
  'galaxy.yaml',
]);

/** Folders of programs and of the file system: version control, caches, virtual environments, packages of others. */
const PROGRAM_FOLDERS = new Set([
  'lost+found',
  '.git',
  '.hg',
  '.svn',
  '.bzr',
  '.tox',
  '.nox',
  '.venv',
  '.cache',
  '.eggs',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.terraform',
  '.vagrant',
  '.idea',
  '.vscode',
  '.direnv',
  '__pycache__',
  'node_modules',
  'site-packages',
]);

/** Whether a playbook may be at this path, relative to the playbook folder; its content decides whether it is one. */
export function isPlaybookPath(path: string): boolean {
  const folders = path.split('/').slice(0, -1);
  return checkPlaybookPath(path) === null && folders.every(isPlaybookFolder);
}

/** Whether a file of this name, in a folder where playbooks may be, is one to whoever reads its name. Not a hidden one. */
export function isNamedAsPlaybook(name: string): boolean {
  return !name.startsWith('.') && /\.ya?ml\s*$/i.test(name);
}

/** Whether playbooks may be in a folder of this name. */
export function isPlaybookFolder(name: string): boolean {
  return !PROGRAM_FOLDERS.has(name) && !name.startsWith('..');
}

/** Whether the path is one where Ansible expects something other than playbooks; in any case, as on some file systems. */
export function isLayoutPath(path: string): boolean {
  return path.split('/').some((part) => LAYOUT_NAMES.has(part.toLowerCase()));
}

/**
 * What is wrong with the path of a playbook, if anything. A path is relative, uses "/", ends in .yml or .yaml
 * in any case, and has no part that begins with "-" (an option, to a program that is given it). A folder may begin with ".".
 * @param subject what the message is about
 */
export function checkPlaybookPath(
  path: string,
  subject = `Playbook path "${clip(path)}"`,
): Omit<InputIssue, 'path'> | null {
  const issue = (message: string, position: number | null = null) => ({
    message: `${subject} ${message}`,
    position,
  });
  if (path === '')
    return { message: 'The playbook path is empty; expected a path such as "site.yaml".', position: null };
  if (path.length > MAX_PATH_LENGTH) return issue(`is longer than ${MAX_PATH_LENGTH} characters.`);
  const invisible = findInvisible(path);
  if (invisible !== -1)
    return issue(
      `has a character that is not allowed: a control character, or an invisible one (${codePointAt(path, invisible)}).`,
      invisible,
    );
  const backslash = path.indexOf('\\');
  if (backslash !== -1)
    return issue('has a character that is not allowed: a backslash; parts are separated by "/".', backslash);
  if (path.startsWith('/')) return issue('is absolute; expected one relative to the playbook folder.', 0);
  const segments = path.split('/');
  let position = 0;
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') {
      return issue(
        'leaves the playbook folder or has an empty part; expected a path such as "site/web.yaml".',
        position,
      );
    }
    const isFolder = position + segment.length < path.length;
    const isHidden = segment.startsWith('.') && (!isFolder || segment.startsWith('..'));
    if (isHidden || segment.startsWith('-') || segment.startsWith('~')) {
      return issue(`has a part that begins with "${segment[0]}".`, position);
    }
    if (isFolder && segment.startsWith('.') && PROGRAM_FOLDERS.has(segment))
      return issue('has a part that begins with "." and belongs to another program.', position);
    if (segment.trim() !== segment) return issue('has a part that begins or ends with a blank.', position);
    if (Buffer.byteLength(segment) > 255) return issue('has a part longer than 255 bytes.', position);
    position += segment.length + 1;
  }
  if (!/\.ya?ml$/i.test(path)) return issue('does not end in ".yaml" or ".yml".', path.length);
  return null;
}
