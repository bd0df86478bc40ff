import { clip } from '../../errors.ts';
import { checkText, type TextFault } from './text.ts';

const MAX_PATH_LENGTH = 500;
const MAX_HOSTS_LENGTH = 5_000;

/** A normalised path below the playbook folder ("" is the folder itself), or why it is not one. */
export type PathReading = { readonly path: string } | { readonly problem: string };

/** Normalises paths as people write them: `./hosts.ini`, `inventory/prod/`, `a//b`, `a/../hosts`. */
export function readPath(text: string): PathReading {
  const shown = `"${clip(text)}"`;
  if (text.startsWith('/'))
    return {
      problem: `${shown} is an absolute path; expected one relative to the playbook folder, such as "inventory/hosts.ini".`,
    };
  if (text.startsWith('~'))
    return {
      problem: `${shown} is in a home directory; expected a path relative to the playbook folder, such as "inventory/hosts.ini".`,
    };
  // Ansible expands environment variables in paths, and other programs treat a backslash as an escape
  if (/[\\$]/.test(text))
    return { problem: `${shown} has a "$" or a backslash, which Ansible would replace.` };
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined)
      return { problem: `${shown} is outside the playbook folder: it goes above it with "..".` };
  }
  return { path: parts.join('/') };
}

/**
 * Normalises a path; one that is not below the playbook folder is returned unchanged, for the check to
 * refuse.
 */
export function normalizePath(text: string): string {
  const reading = readPath(text);
  return 'path' in reading ? reading.path : text;
}

/** Whether an inventory is a host list: Ansible takes anything with a comma for one. */
export function isHostList(inventory: string): boolean {
  return inventory.includes(',');
}

export function normalizeInventory(text: string): string {
  // an empty text must not mean the whole folder
  if (text.trim() === '') return '';
  if (!isHostList(text)) return normalizePath(text) || '.';
  const hosts = text.split(',').map((host) => host.trim());
  if (hosts.at(-1) === '') hosts.pop();
  return `${hosts.join(',')},`;
}

/** A private key may be anywhere on the server. */
export function normalizeKeyFile(text: string): string {
  return text.startsWith('/') || text.startsWith('~') ? text : normalizePath(text);
}

function checkPath(text: string, what: string): TextFault | null {
  const fault = checkText(text, what, MAX_PATH_LENGTH);
  if (fault) return fault;
  const reading = readPath(text);
  return 'problem' in reading ? { message: `${what} ${reading.problem}`, position: null } : null;
}

/**
 * Letters, digits and the characters of addresses, ports, users and ranges; a leading "-" would be an option
 * to ssh.
 */
const HOST = /^[\p{L}\p{N}_.:[\]%@+-]+$/u;

export function checkInventory(inventory: string): TextFault | null {
  if (!isHostList(inventory)) return checkPath(inventory, 'The inventory');
  const fault = checkText(inventory, 'The list of hosts', MAX_HOSTS_LENGTH);
  if (fault) return fault;
  const hosts = inventory.split(',').map((host) => host.trim());
  if (hosts.at(-1) === '') hosts.pop();
  if (hosts.length === 0 || hosts.includes(''))
    return {
      message: `The list of hosts "${clip(inventory)}" has an empty name; expected e.g. "web1,web2,".`,
      position: null,
    };
  const wrong = hosts.find((host) => !HOST.test(host) || /^[-@]/.test(host) || /@-/.test(host));
  if (wrong === undefined) return null;
  const hint = wrong.includes('/')
    ? '; a path with a comma cannot be an inventory'
    : /^(-i|--inventory)\b/.test(wrong)
      ? `; leave out "${wrong.split(/[ =]/, 1)[0]}"`
      : '';
  return {
    message: `"${clip(wrong)}" in the list of hosts is no name or address of a host${hint}.`,
    position: null,
  };
}

export function checkVarsFile(file: string): TextFault | null {
  const name = file.startsWith('@') ? file.slice(1) : file;
  if (name !== file)
    return {
      message: `The variables file "${clip(file)}" begins with "@"; give the path alone.`,
      position: 0,
    };
  const fault = checkPath(file, 'The variables file');
  if (fault) return fault;
  return normalizePath(file) === ''
    ? { message: `The variables file "${clip(file)}" is the playbook folder itself.`, position: null }
    : null;
}

export function checkKeyFile(file: string): TextFault | null {
  const what = 'The private key file';
  if (!file.startsWith('/') && !file.startsWith('~')) return checkPath(file, what);
  const fault = checkText(file, what, MAX_PATH_LENGTH);
  if (fault) return fault;
  if (file.startsWith('~') && !file.startsWith('~/'))
    return {
      message: `${what} "${clip(file)}" is in the home directory of another user; expected "~/…" or an absolute path.`,
      position: 0,
    };
  const special = file.search(/[\\$]/);
  if (special === -1) return null;
  return {
    message: `${what} "${clip(file)}" has a "$" or a backslash, which Ansible would replace.`,
    position: special,
  };
}

/** An empty text is the playbook folder itself. */
export function checkWorkingFolder(folder: string): TextFault | null {
  return folder === '' ? null : checkPath(folder, 'The working folder');
}
