import { createHash } from 'node:crypto';
import { putBounded } from '../../bounded-map.ts';
import { clip } from '../../errors.ts';
import { type JsonNode, type JsonObject, JsonSyntaxError, parseJsonText } from '../../json-text.ts';
import type { TextFault } from './text.ts';

const MAX_BYTES = 262_144;
const MAX_VALUES = 10_000;
const MAX_DEPTH = 20;
const NAME = /^[a-z_][a-z0-9_]*$/i;
const OWN_PREFIX = /^ansible_/i;
/** Python refuses integers with more digits. */
const MAX_DIGITS = 4_300;

/**
 * Variables that Ansible sets itself or that its templates rely on. Playbook keywords (`hosts`, `port`,
 * `name`) are not among them: Ansible only warns about those and makes no other use of a variable of that
 * name, and its manual uses `hosts` as an example.
 * @see https://docs.ansible.com/ansible/latest/reference_appendices/special_variables.html
 * @see https://github.com/ansible/ansible/blob/stable-2.19/lib/ansible/constants.py (INTERNAL_STATIC_VARS)
 */
const OWN_NAMES = new Set([
  // magic variables
  'environment',
  'group_names',
  'groups',
  'hostvars',
  'inventory_dir',
  'inventory_file',
  'inventory_hostname',
  'inventory_hostname_short',
  'omit',
  'play_hosts',
  'playbook_dir',
  'role_name',
  'role_names',
  'role_path',
  'role_uuid',
  'vars',
  // functions available in every template
  'cycler',
  'dict',
  'joiner',
  'lipsum',
  'lookup',
  'namespace',
  'now',
  'q',
  'query',
  'range',
  'undef',
]);

/**
 * The extra variables exactly as written.
 * @throws {JsonSyntaxError} when the text is not a JSON object
 */
function parseExtraVars(json: string): JsonObject {
  const value = parseJsonText(json, MAX_DEPTH);
  if (value.kind === 'object') return value;
  throw new JsonSyntaxError('Expected an object.', 0);
}

/**
 * Refuses names that begin with "ansible_", which are Ansible's own: several of them name programs that it
 * runs on this machine (ansible_python_interpreter, ansible_ssh_executable, ansible_become_exe, …).
 */
export function checkExtraVars(json: string): TextFault | null {
  // the text may contain secrets, so only its hash is kept
  const hash = createHash('sha256').update(json).digest('base64');
  const known = checked.get(hash);
  if (known !== undefined) return known;
  const fault = findFault(json);
  putBounded(checked, hash, fault, MAX_REMEMBERED);
  return fault;
}

/** Results by hash: a run is checked several times on its way, and long variables take some ms. */
const checked = new Map<string, TextFault | null>();
const MAX_REMEMBERED = 20;

function findFault(json: string): TextFault | null {
  const fault = (message: string, position: number | null = null): TextFault => ({ message, position });
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_BYTES)
    return fault(`The extra variables take ${bytes} bytes; expected at most ${MAX_BYTES}.`);
  let vars: JsonObject;
  try {
    vars = parseExtraVars(json);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return fault(`The extra variables are no JSON object. ${error.message}`, error.position);
  }
  for (const [name] of vars.entries) {
    if (!NAME.test(name))
      return fault(`"${clip(name)}" is no name of a variable; expected letters, digits and "_".`);
    if (OWN_PREFIX.test(name))
      return fault(
        `The variable "${clip(name)}" is one of Ansible's own, which decide what runs on this machine; set it in the inventory.`,
      );
    if (OWN_NAMES.has(name))
      return fault(`The variable "${name}" is one of Ansible's own; give yours another name.`);
  }
  const count = countValues(vars);
  if (count > MAX_VALUES)
    return fault(`There are ${count} values in the extra variables; expected at most ${MAX_VALUES}.`);
  const problem = problemIn(vars);
  return problem === null ? null : fault(problem);
}

function countValues(node: JsonNode): number {
  let count = 0;
  if (node.kind === 'list') for (const item of node.items) count += 1 + countValues(item);
  if (node.kind === 'object') for (const [, value] of node.entries) count += 1 + countValues(value);
  return count;
}

function problemIn(node: JsonNode): string | null {
  switch (node.kind) {
    case 'text':
      return problemOfText(node.value, 'A value');
    case 'number':
      return node.source.length > MAX_DIGITS && /^-?\d+$/.test(node.source)
        ? `A number in the extra variables has ${node.source.length} digits; Ansible reads at most ${MAX_DIGITS}.`
        : null;
    case 'word':
      return null;
    case 'list':
      return firstOf(node.items, problemIn);
    case 'object':
      return firstOf(node.entries, ([key, value]) => problemOfText(key, 'A key') ?? problemIn(value));
  }
}

function problemOfText(text: string, what: string): string | null {
  if (text.includes('\0')) return `${what} in the extra variables has a NUL character.`;
  if (!text.isWellFormed())
    return `${what} in the extra variables has half a character (a lone surrogate) and is no valid Unicode.`;
  return null;
}

function firstOf<T>(items: readonly T[], problem: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = problem(item);
    if (found !== null) return found;
  }
  return null;
}
