import { accessSync, closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Holds the plugin that writes the facts of a run into its spool folder. */
const OUR_FOLDER = fileURLToPath(new URL('./callback_plugins', import.meta.url));
const SYSTEM_FOLDER = '/usr/share/ansible/plugins/callback';
const SYSTEM_CONFIG = '/etc/ansible/ansible.cfg';
const MAX_CONFIG_BYTES = 262_144;
/** A longer path than anybody has. */
const MAX_VALUE = 8_192;

type Environment = Readonly<Record<string, string>>;

/**
 * What has to be added to a run's environment so that Ansible also loads our callback plugin.
 * `ANSIBLE_CALLBACK_PLUGINS` replaces what ansible.cfg says, so it must repeat that; the plugin takes it back from what the
 * playbook starts itself, as `SIBLE_RESTORE_ENV` tells it (name → value before, null: none).
 * @param env what the run has otherwise
 * @param cwd where it is started
 * @returns null when that is not known, or cannot be written in a variable that has no way to quote a colon or a dollar sign:
 * then the run goes without our plugin
 */
export function callbackEnvironment(env: Environment, cwd: string, ours = OUR_FOLDER): Environment | null {
  const theirs = env.ANSIBLE_CALLBACK_PLUGINS ?? pathOfConfig(env, cwd);
  if (theirs === null || !isPlain(ours)) return null;
  return {
    ANSIBLE_CALLBACK_PLUGINS: `${theirs}:${ours}`,
    SIBLE_RESTORE_ENV: JSON.stringify({ ANSIBLE_CALLBACK_PLUGINS: env.ANSIBLE_CALLBACK_PLUGINS ?? null }),
  };
}

function pathOfConfig(env: Environment, cwd: string): string | null {
  try {
    return configuredPath(env, cwd);
  } catch {
    // Ansible says itself what it cannot read
    return null;
  }
}

/** @see ansible-core, lib/ansible/config/base.yml: DEFAULT_CALLBACK_PLUGIN_PATH and ANSIBLE_HOME */
function configuredPath(env: Environment, cwd: string): string | null {
  const file = findConfig(env, cwd);
  const defaults = file === null ? {} : readDefaults(file);
  if ((defaults.callback_plugins ?? defaults.home ?? '').length > MAX_VALUE) return null;
  const inFolderOf = (value: string) => (file === null ? value : resolveFrom(dirname(file), value, env, cwd));
  if (defaults.callback_plugins !== undefined) {
    const folders = defaults.callback_plugins.split(':').map(inFolderOf);
    return folders.includes(null) ? null : folders.join(':');
  }
  const home = env.ANSIBLE_HOME ?? inFolderOf(defaults.home ?? '~/.ansible');
  return home === null ? null : `${home}/plugins/callback:${SYSTEM_FOLDER}`;
}

/** A path of a configuration, so written that it means the same in an environment variable. */
function resolveFrom(folder: string, value: string, env: Environment, cwd: string): string | null {
  const expanded = expand(value.replaceAll('{{CWD}}', cwd), env);
  if (expanded.startsWith('/') || expanded.startsWith('~')) return value;
  return isPlain(folder) ? join(folder, value) : null;
}

const isPlain = (path: string) => !/[:$]/.test(path);

function expand(text: string, env: Environment): string {
  return text.replace(/\$(\w+|\{[^}]*\})/g, (whole, name: string) => env[name.replace(/[{}]/g, '')] ?? whole);
}

/**
 * The configuration that Ansible takes; null: none.
 * @see ansible-core, lib/ansible/config/manager.py: find_ini_config_file
 */
function findConfig(env: Environment, cwd: string): string | null {
  const home = env.HOME ?? homedir();
  const named =
    env.ANSIBLE_CONFIG === undefined ? null : resolve(cwd, expandUser(expand(env.ANSIBLE_CONFIG, env), home));
  const candidates = [
    named !== null && statOf(named)?.isDirectory() ? join(named, 'ansible.cfg') : named,
    ((statOf(cwd)?.mode ?? 0) & constants.S_IWOTH) === 0 ? join(cwd, 'ansible.cfg') : null,
    join(home, '.ansible.cfg'),
    SYSTEM_CONFIG,
  ];
  return candidates.find((path) => path !== null && isReadable(path)) ?? null;
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

interface Defaults {
  readonly callback_plugins?: string | undefined;
  readonly home?: string | undefined;
}

const read = new Map<string, { readonly stamp: string; readonly defaults: Defaults }>();
const MAX_READ = 1_000;

/** Read again only when the file has changed: this is on the way from an instant to its run. */
function readDefaults(path: string): Defaults {
  if (!['.cfg', '.ini'].includes(extname(path))) return {};
  // a playbook folder is its users': what lies there may be a pipe, which would be waited for
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > MAX_CONFIG_BYTES) throw new Error('not an ordinary configuration');
    const stamp = `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
    const known = read.get(path);
    if (known?.stamp === stamp) return known.defaults;
    const section = parseIni(readFileSync(file, 'utf8')).get('defaults');
    const defaults = { callback_plugins: section?.get('callback_plugins'), home: section?.get('home') };
    if (read.size >= MAX_READ) read.clear();
    read.set(path, { stamp, defaults });
    return defaults;
  } finally {
    closeSync(file);
  }
}

/** As Python's configparser reads it with Ansible's settings: inline comments begin with ` ;`, and nothing is interpolated. */
export function parseIni(text: string): Map<string, Map<string, string>> {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | null = null;
  let value: string[] | null = null;
  let indent = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    const trimmed = line.trim();
    const isComment = trimmed.startsWith('#') || trimmed.startsWith(';');
    const content = isComment ? '' : withoutInlineComment(line).trim();
    if (content === '') {
      // a blank line may stand in the middle of a value, and so may a comment
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
