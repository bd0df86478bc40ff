import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Environment, expandVariables, findConfig, readConfig } from './ansible-config.ts';

/** Holds the plugin that writes the facts of a run into its spool folder. */
const OUR_FOLDER = fileURLToPath(new URL('./callback_plugins', import.meta.url));
const SYSTEM_FOLDER = '/usr/share/ansible/plugins/callback';
/** A longer path than anybody has. */
const MAX_VALUE = 8_192;

/**
 * What has to be added to a run's environment so that Ansible also loads our callback plugin.
 * `ANSIBLE_CALLBACK_PLUGINS` replaces what ansible.cfg says, so it must repeat that; the plugin takes it back from what the
 * playbook starts itself, as `SIBLE_RESTORE_ENV` tells it (name → value before, null: none).
 * @param env what the run has otherwise
 * @param cwd where it is started
 * @param forTasks what else is taken back
 * @returns null when that is not known, or cannot be written in a variable that has no way to quote a colon or a dollar sign:
 * then the run goes without our plugin
 */
export function callbackEnvironment(
  env: Environment,
  cwd: string,
  ours = OUR_FOLDER,
  forTasks: Readonly<Record<string, string | null>> = {},
): Environment | null {
  const theirs = env.ANSIBLE_CALLBACK_PLUGINS ?? pathOfConfig(env, cwd);
  if (theirs === null || !isPlain(ours)) return null;
  return {
    ANSIBLE_CALLBACK_PLUGINS: `${theirs}:${ours}`,
    SIBLE_RESTORE_ENV: JSON.stringify({
      ...forTasks,
      ANSIBLE_CALLBACK_PLUGINS: env.ANSIBLE_CALLBACK_PLUGINS ?? null,
    }),
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
  const section = file === null ? undefined : readConfig(file).get('defaults');
  const defaults = { callback_plugins: section?.get('callback_plugins'), home: section?.get('home') };
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
  const expanded = expandVariables(value.replaceAll('{{CWD}}', cwd), env);
  if (expanded.startsWith('/') || expanded.startsWith('~')) return value;
  return isPlain(folder) ? join(folder, value) : null;
}

const isPlain = (path: string) => !/[:$]/.test(path);
