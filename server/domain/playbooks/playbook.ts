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
 * Names in Ansible's directory layout, in lower case, that usually hold something other than playbooks: there
 * a file is listed only if it is certain to be one.
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

/**
 * Folders that belong to programs or the file system: version control, caches, virtual environments,
 * third-party packages.
 */
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

/**
 * Whether this path, relative to the playbook folder, is allowed for a playbook; the content decides whether
 * it is one.
 */
export function isPlaybookPath(path: string): boolean {
  const folders = path.split('/').slice(0, -1);
  return checkPlaybookPath(path) === null && folders.every(isPlaybookFolder);
}

/** Whether a file name looks like that of a playbook to a reader. Hidden files do not count. */
export function isNamedAsPlaybook(name: string): boolean {
  return !name.startsWith('.') && /\.ya?ml\s*$/i.test(name);
}

/** Whether a folder of this name may contain playbooks. */
export function isPlaybookFolder(name: string): boolean {
  return !PROGRAM_FOLDERS.has(name) && !name.startsWith('..');
}

/**
 * Whether Ansible expects something other than playbooks at the path; case-insensitive, as some file systems
 * are.
 */
export function isLayoutPath(path: string): boolean {
  return path.split('/').some((part) => LAYOUT_NAMES.has(part.toLowerCase()));
}

/**
 * What is wrong with a playbook path; null: nothing. A path is relative, uses "/", ends in .yml or .yaml in
 * any case, and no part begins with "-" (programs would take it for an option). A folder may begin with ".".
 * @param subject subject of the message
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
