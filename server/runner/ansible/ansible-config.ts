import { accessSync, closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, join, resolve } from 'node:path';

const SYSTEM_CONFIG = '/etc/ansible/ansible.cfg';
const MAX_CONFIG_BYTES = 262_144;

export type Environment = Readonly<Record<string, string>>;

/**
 * The configuration file that Ansible uses; null: none.
 * @see ansible-core, lib/ansible/config/manager.py: find_ini_config_file
 */
export function findConfig(env: Environment, cwd: string): string | null {
  const home = env.HOME ?? homedir();
  const named =
    env.ANSIBLE_CONFIG === undefined
      ? null
      : resolve(cwd, expandUser(expandVariables(env.ANSIBLE_CONFIG, env), home));
  const candidates = [
    named !== null && statOf(named)?.isDirectory() ? join(named, 'ansible.cfg') : named,
    ((statOf(cwd)?.mode ?? 0) & constants.S_IWOTH) === 0 ? join(cwd, 'ansible.cfg') : null,
    join(home, '.ansible.cfg'),
    SYSTEM_CONFIG,
  ];
  return candidates.find((path) => path !== null && isReadable(path)) ?? null;
}

/** Expands `$NAME` and `${NAME}`; unknown names stay as they are. */
export function expandVariables(text: string, env: Environment): string {
  return text.replace(
    /\$(\w+|\{[^{}]*\})/g,
    (whole, name: string) => env[name.replace(/[{}]/g, '')] ?? whole,
  );
}

function expandUser(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? home + path.slice(1) : path;
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The values of an ini file by section and key. */
export type Config = ReadonlyMap<string, ReadonlyMap<string, string>>;

const read = new Map<string, { readonly stamp: string; readonly config: Config }>();
const MAX_READ = 1_000;
const EMPTY: Config = new Map();

/**
 * Re-reads a file only if it has changed, because this is on the path from an instant to its run. Ansible does
 * not read files with other extensions as ini files.
 */
export function readConfig(path: string): Config {
  if (!['.cfg', '.ini'].includes(extname(path))) return EMPTY;
  // users write to the playbook folder: this may be a FIFO, and opening it must not block
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error('it is not a file');
    if (stats.size > MAX_CONFIG_BYTES) throw new Error(`it has more than ${MAX_CONFIG_BYTES} bytes`);
    const stamp = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
    const known = read.get(path);
    if (known?.stamp === stamp) return known.config;
    const config = parseIni(readFileSync(file, 'utf8'));
    if (read.size >= MAX_READ) read.clear();
    read.set(path, { stamp, config });
    return config;
  } finally {
    closeSync(file);
  }
}

/** Parses like Python's configparser with Ansible's settings: inline comments begin with ` ;`, no interpolation. */
function parseIni(text: string): Config {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | null = null;
  let value: string[] | null = null;
  let indent = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const trimmed = line.trim();
    const isComment = trimmed.startsWith('#') || trimmed.startsWith(';');
    const content = isComment ? '' : withoutInlineComment(line).trim();
    if (content === '') {
      // a value may contain blank lines and comments
      if (!isComment && trimmed === '' && value) value.push('');
      continue;
    }
    const lineIndent = line.length - line.trimStart().length;
    if (section && value && lineIndent > indent) {
      value.push(content);
      continue;
    }
    indent = lineIndent;
    value = null;
    const header = content.startsWith('[') ? content.lastIndexOf(']') : -1;
    if (header > 1) {
      const name = content.slice(1, header);
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
      continue;
    }
    const at = content.search(/[=:]/);
    if (!section || at < 0) continue;
    value = [content.slice(at + 1).trim()];
    section.set(content.slice(0, at).trim().toLowerCase(), value);
  }
  const shared = sections.get('DEFAULT') ?? [];
  return new Map(
    [...sections].map(([name, values]) => [
      name,
      new Map([...shared, ...values].map(([key, lines]) => [key, lines.join('\n').trimEnd()])),
    ]),
  );
}

function withoutInlineComment(line: string): string {
  const at = line.search(/(?:^|\s);/);
  return at < 0 ? line : line.slice(0, at);
}
