import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../domain/caught.ts';
import { clip } from '../../domain/errors.ts';
import { type Environment, expandVariables, findConfig, readConfig } from './ansible-config.ts';

/** Contains the plugin that writes a run's facts into its spool folder. */
const OUR_FOLDER = fileURLToPath(new URL('./callback_plugins', import.meta.url));
const SYSTEM_FOLDER = '/usr/share/ansible/plugins/callback';
/** Longer than any real path. */
const MAX_VALUE = 8_192;

export interface CallbackEnvironment {
  /** Changes to a run's environment; null: unset. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** Why the run lacks our plugin, as part of a sentence; null: it has it. */
  readonly problem: string | null;
}

/** Our plugin cannot be added to the user's. */
class NoCallbackError extends Error {}

/**
 * Changes to a run's environment that make Ansible also load our callback plugin. `ANSIBLE_CALLBACK_PLUGINS`
 * overrides ansible.cfg, so it must repeat the folders configured there. For the programs that the playbook
 * starts, the plugin reverts it as `SIBLE_RESTORE_ENV` says (name → previous value, null: unset).
 * @param env the run's environment otherwise
 * @param cwd the working folder
 * @param forTasks further variables to revert; at once if no plugin can do it later, because the user's folders
 * are unknown or cannot be written in a variable that has no way to quote a colon or a dollar sign
 */
export function callbackEnvironment(
  env: Environment,
  cwd: string,
  ours = OUR_FOLDER,
  forTasks: Readonly<Record<string, string | null>> = {},
): CallbackEnvironment {
  try {
    if (!isPlain(ours)) throw new NoCallbackError(`the path ${shown(ours)} has a ":" or a "$"`);
    const theirs = env.ANSIBLE_CALLBACK_PLUGINS ?? configuredPath(env, cwd);
    const restored = { ...forTasks, ANSIBLE_CALLBACK_PLUGINS: env.ANSIBLE_CALLBACK_PLUGINS ?? null };
    return {
      environment: {
        ANSIBLE_CALLBACK_PLUGINS: `${theirs}:${ours}`,
        SIBLE_RESTORE_ENV: JSON.stringify(restored),
      },
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof NoCallbackError)) throw error;
    return { environment: { ...forTasks, SIBLE_EVENTS: null }, problem: error.message };
  }
}

/** @see ansible-core, lib/ansible/config/base.yml: DEFAULT_CALLBACK_PLUGIN_PATH and ANSIBLE_HOME */
function configuredPath(env: Environment, cwd: string): string {
  const file = findConfig(env, cwd);
  const section = file === null ? undefined : sectionOf(file);
  const folders = section?.get('callback_plugins');
  if (file !== null && folders !== undefined) {
    const all = short(folders, 'callback_plugins', file).split(':');
    return all.map((folder) => resolveFrom(file, folder, env, cwd)).join(':');
  }
  const named = section?.get('home');
  const home =
    env.ANSIBLE_HOME ??
    (file === null || named === undefined
      ? '~/.ansible'
      : resolveFrom(file, short(named, 'home', file), env, cwd));
  return `${home}/plugins/callback:${SYSTEM_FOLDER}`;
}

function sectionOf(file: string): ReadonlyMap<string, string> | undefined {
  try {
    return readConfig(file).get('defaults');
  } catch (error) {
    throw new NoCallbackError(`${shown(file)} cannot be read (${messageOf(error)})`);
  }
}

function short(value: string, key: string, file: string): string {
  if (value.length <= MAX_VALUE) return value;
  throw new NoCallbackError(`"${key}" in ${shown(file)} has more than ${MAX_VALUE} characters`);
}

/** Rewrites a path from a configuration file so that it means the same in an environment variable. */
function resolveFrom(file: string, value: string, env: Environment, cwd: string): string {
  const expanded = expandVariables(value.replaceAll('{{CWD}}', cwd), env);
  if (expanded.startsWith('/') || expanded.startsWith('~')) return value;
  const folder = dirname(file);
  if (isPlain(folder)) return join(folder, value);
  throw new NoCallbackError(
    `${shown(file)} names its folders of plugins from a folder whose path has a ":" or a "$"`,
  );
}

/** Formats a path for a line of a log. */
const shown = (path: string) => JSON.stringify(clip(path));

const isPlain = (path: string) => !/[:$]/.test(path);
