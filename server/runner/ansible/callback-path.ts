import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../domain/caught.ts';
import { clip } from '../../domain/errors.ts';
import { type Environment, expandVariables, findConfig, readConfig } from './ansible-config.ts';

/** Holds the plugin that writes the facts of a run into its spool folder. */
const OUR_FOLDER = fileURLToPath(new URL('./callback_plugins', import.meta.url));
const SYSTEM_FOLDER = '/usr/share/ansible/plugins/callback';
/** A longer path than anybody has. */
const MAX_VALUE = 8_192;

export interface CallbackEnvironment {
  /** What changes in a run's environment; null: nothing of this name. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** Why the run goes without our plugin, as part of a sentence; null: it has it. */
  readonly problem: string | null;
}

/** Our plugin cannot be added to those of the user. */
class NoCallbackError extends Error {}

/**
 * What has to be changed in a run's environment so that Ansible also loads our callback plugin.
 * `ANSIBLE_CALLBACK_PLUGINS` replaces what ansible.cfg says, so it must repeat that; the plugin takes it back from what the
 * playbook starts itself, as `SIBLE_RESTORE_ENV` tells it (name → value before, null: none).
 * @param env what the run has otherwise
 * @param cwd where it is started
 * @param forTasks what else is taken back; at once where nobody could do it later: when the user's folders are not known, or
 * cannot be written in a variable that has no way to quote a colon or a dollar sign
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

/** A path of a configuration, so written that it means the same in an environment variable. */
function resolveFrom(file: string, value: string, env: Environment, cwd: string): string {
  const expanded = expandVariables(value.replaceAll('{{CWD}}', cwd), env);
  if (expanded.startsWith('/') || expanded.startsWith('~')) return value;
  const folder = dirname(file);
  if (isPlain(folder)) return join(folder, value);
  throw new NoCallbackError(
    `${shown(file)} names its folders of plugins from a folder whose path has a ":" or a "$"`,
  );
}

/** A path in a line of a log. */
const shown = (path: string) => JSON.stringify(clip(path));

const isPlain = (path: string) => !/[:$]/.test(path);
