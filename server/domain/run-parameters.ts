import { clip, type InputIssue } from './errors.ts';
import type { RunParameters } from './run.ts';

const MAX_LIMIT_LENGTH = 1_000;
const MAX_TAGS = 100;
const MAX_TAG_LENGTH = 200;
const MAX_PATH_LENGTH = 500;
const MAX_VARS_BYTES = 262_144;
const MAX_VARS_KEYS = 10_000;
const MAX_VARS_DEPTH = 20;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]/;

/** What is wrong with parameters of a run; empty when nothing is. Whether files exist is not looked at. */
export function checkRunParameters(parameters: RunParameters): InputIssue[] {
  return [
    ...checkInventory(parameters.inventory),
    ...checkLimit(parameters.limit),
    ...checkTags('tags', parameters.tags),
    ...checkTags('skipTags', parameters.skipTags),
    ...checkRange('verbosity', parameters.verbosity, 0, 6),
    ...checkRange('forks', parameters.forks, 1, 500),
    ...checkExtraVars(parameters.extraVars),
  ];
}

function issue(field: string, message: string, position: number | null = null): InputIssue {
  return { path: ['parameters', field], message, position };
}

/** A host pattern. "@file" would print that file into the log, and a leading "-" is an option. */
function checkLimit(limit: string | null): InputIssue[] {
  if (limit === null) return [];
  if (limit.trim() === '') return [issue('limit', 'The limit is empty; leave it out to run on all hosts.')];
  if (limit.length > MAX_LIMIT_LENGTH)
    return [issue('limit', `The limit is longer than ${MAX_LIMIT_LENGTH} characters.`)];
  const control = limit.search(CONTROL);
  if (control !== -1) return [issue('limit', 'The limit has a control character.', control)];
  // Ansible reads each part of a list for itself
  let position = 0;
  for (const part of limit.split(/(?<=[,:;])/)) {
    const start = part.length - part.trimStart().length;
    const first = part[start];
    if (first === '-' || first === '@') {
      return [
        issue(
          'limit',
          `A limit is a host pattern; no part of it can begin with "${first}".`,
          position + start,
        ),
      ];
    }
    position += part.length;
  }
  return [];
}

function checkTags(field: 'tags' | 'skipTags', tags: readonly string[]): InputIssue[] {
  if (tags.length > MAX_TAGS)
    return [issue(field, `There are ${tags.length} tags; expected at most ${MAX_TAGS}.`)];
  for (const tag of tags) {
    const shown = clip(tag);
    if (tag.trim() === '') return [issue(field, 'A tag is empty.')];
    if (tag.length > MAX_TAG_LENGTH)
      return [issue(field, `The tag "${shown}" is longer than ${MAX_TAG_LENGTH} characters.`)];
    if (CONTROL.test(tag) || tag.includes(','))
      return [issue(field, `The tag "${shown}" has a comma or a control character.`)];
    if (tag.startsWith('-')) return [issue(field, `The tag "${shown}" begins with "-".`)];
  }
  return [];
}

/** A comma would make it a list of hosts, and an absolute path could name a program that Ansible would run. */
function checkInventory(inventory: string | null): InputIssue[] {
  if (inventory === null) return [];
  const shown = clip(inventory);
  if (inventory === '')
    return [issue('inventory', "The inventory is empty; leave it out for Ansible's default.")];
  if (inventory.length > MAX_PATH_LENGTH)
    return [issue('inventory', `The inventory path is longer than ${MAX_PATH_LENGTH} characters.`)];
  if (CONTROL.test(inventory) || /[\\,]/.test(inventory)) {
    return [issue('inventory', `The inventory "${shown}" has a comma, a backslash or a control character.`)];
  }
  const parts = inventory.split('/');
  if (
    inventory.startsWith('/') ||
    parts.some((part) => part === '' || part.startsWith('.') || part.startsWith('-') || part.startsWith('~'))
  ) {
    return [
      issue(
        'inventory',
        `The inventory "${shown}" is outside the playbook folder; expected a path such as "inventory/hosts.ini".`,
      ),
    ];
  }
  return [];
}

function checkRange(
  field: 'verbosity' | 'forks',
  value: number | null,
  min: number,
  max: number,
): InputIssue[] {
  if (value === null || (Number.isInteger(value) && value >= min && value <= max)) return [];
  return [issue(field, `"${field}" is ${value}; expected a whole number from ${min} to ${max}.`)];
}

/**
 * Names beginning with "ansible_" are Ansible's own: several of them name programs that it runs on this machine
 * (ansible_python_interpreter, ansible_ssh_executable, ansible_become_exe, …).
 * @see https://docs.ansible.com/ansible/latest/reference_appendices/special_variables.html
 */
function checkExtraVars(vars: Readonly<Record<string, unknown>> | null): InputIssue[] {
  if (vars === null) return [];
  for (const name of Object.keys(vars)) {
    if (!/^[a-z_][a-z0-9_]*$/i.test(name)) {
      return [
        issue('extraVars', `"${clip(name)}" is no name of a variable; expected letters, digits and "_".`),
      ];
    }
    if (/^ansible_/i.test(name)) {
      return [
        issue(
          'extraVars',
          `The variable "${clip(name)}" is one of Ansible's own, which decide what runs on this machine; set it in the inventory.`,
        ),
      ];
    }
  }
  const size = measure(vars, 0);
  if (size === null)
    return [issue('extraVars', `The extra variables are nested more than ${MAX_VARS_DEPTH} deep.`)];
  if (size.keys > MAX_VARS_KEYS)
    return [
      issue(
        'extraVars',
        `There are ${size.keys} values in the extra variables; expected at most ${MAX_VARS_KEYS}.`,
      ),
    ];
  if (size.hasNul) return [issue('extraVars', 'A value in the extra variables has a NUL character.')];
  const bytes = Buffer.byteLength(JSON.stringify(vars));
  if (bytes > MAX_VARS_BYTES)
    return [
      issue('extraVars', `The extra variables take ${bytes} bytes; expected at most ${MAX_VARS_BYTES}.`),
    ];
  return [];
}

/** How many values there are; null when they are nested too deeply. */
function measure(value: unknown, depth: number): { keys: number; hasNul: boolean } | null {
  if (depth > MAX_VARS_DEPTH) return null;
  if (typeof value === 'string') return { keys: 0, hasNul: value.includes('\0') };
  if (typeof value !== 'object' || value === null) return { keys: 0, hasNul: false };
  const total = { keys: 0, hasNul: false };
  for (const [key, inner] of Object.entries(value)) {
    const size = measure(inner, depth + 1);
    if (size === null) return null;
    total.keys += 1 + size.keys;
    total.hasNul ||= size.hasNul || key.includes('\0');
  }
  return total;
}
