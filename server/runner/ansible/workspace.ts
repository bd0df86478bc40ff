import { lstatSync, mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { codeOf } from '../../domain/caught.ts';
import { RunRefusedError, type Workspace } from '../runner.ts';
import { findConfig, readConfig } from './ansible-config.ts';
import { callbackEnvironment } from './callback-path.ts';
import { type Environment, isWritableFolder, type RunEnvironment } from './environment.ts';

export interface WorkspaceOptions {
  /** HOME of runs whose user has no writable home folder; absolute. */
  readonly ownHome: string;
  /** The environment common to all runs. */
  readonly base: RunEnvironment;
}

const CONFIG = 'ansible.cfg';
/** A socket path has at most 107 bytes; Ansible and ssh append 45 to the folder's. */
const MAX_CONTROL_DIR_BYTES = 62;

/**
 * Determines where a playbook starts and what it finds there, as if the server's user had changed to that
 * folder and started it by hand. Makes only a few file-system calls: it is on the path from an instant to its
 * run.
 */
export function createWorkspaces({ ownHome, base }: WorkspaceOptions) {
  const controlDir = createControlDir(base.variables);

  /**
   * @param root absolute, without symlinks
   * @param wanted relative to the root; null: the nearest folder at or above the playbook with an ansible.cfg,
   * or else the root
   */
  return function workspaceOf(root: string, playbook: string, wanted: string | null): Workspace {
    const workingFolder = wanted === null ? nearestWorkingFolder(root, playbook) : plainPath(wanted);
    const folder = join(root, workingFolder);
    requireFolder(folder, workingFolder);
    const home = base.variables.HOME;
    const isHomeless = home === undefined || !isWritableFolder(home);
    if (isHomeless) mkdirSync(ownHome, { recursive: true, mode: 0o700 });
    const changed: Record<string, string> = isHomeless ? { HOME: ownHome } : {};
    const env = { ...base.variables, ...changed };
    const config = findConfig(env, folder);
    const short = needsShortControlDir(env, config) ? controlDir() : null;
    if (short !== null) changed.ANSIBLE_SSH_CONTROL_PATH_DIR = short;
    const callback = callbackEnvironment(env, folder, undefined, base.forTasks);
    const notices = [
      ...(isHomeless ? [homeNotice(home, ownHome)] : []),
      ...(callback.problem === null ? [] : [pluginNotice(callback.problem)]),
    ];
    return {
      root,
      folder,
      workingFolder,
      ansibleConfig: config && relativeInside(root, config),
      environment: {
        ...changed,
        ...callback.environment,
        // only the plugin takes it out again
        ...(callback.problem === null ? { SIBLE_ROOT: root } : {}),
      },
      notice: notices.length === 0 ? null : `Sible: ${notices.join(' ')}`,
    };
  };
}

/** The recorded form: `./site/` becomes `site`, and the root "". */
function plainPath(folder: string): string {
  return relative('/', join('/', folder));
}

function nearestWorkingFolder(root: string, playbook: string): string {
  for (let folder = dirname(playbook); folder !== '.'; folder = dirname(folder)) {
    if (statOf(join(root, folder, CONFIG))?.isFile()) return folder;
  }
  return '';
}

function requireFolder(path: string, name: string): void {
  if (!statOf(path)?.isDirectory())
    throw new RunRefusedError(`The working folder "${name}" is not there any more.`);
  const config = statOf(join(path, CONFIG));
  // Ansible would open it and block forever
  if (config && !config.isFile() && !config.isDirectory()) {
    throw new RunRefusedError(`"${join(name, CONFIG)}" is not a file that can be read.`);
  }
}

function relativeInside(root: string, path: string): string {
  return path.startsWith(root + sep) ? relative(root, path) : path;
}

function homeNotice(home: string | undefined, ownHome: string): string {
  const why =
    home === undefined ? 'This user has no home folder' : `The home folder "${home}" cannot be written to`;
  return `${why}; this run has "${ownHome}" for its home, and finds no keys, roles or collections in ~.`;
}

function pluginNotice(problem: string): string {
  return `The plugin by which Sible follows a run could not be loaded: ${problem}. Prompts at run time (vars_prompt) are not noticed, and nobody answers them.`;
}

/** Whether Ansible's default would be too long and the user has not configured another. */
function needsShortControlDir(env: Environment, config: string | null): boolean {
  const isNamed =
    env.ANSIBLE_SSH_CONTROL_PATH_DIR !== undefined || env.ANSIBLE_SSH_CONTROL_PATH !== undefined;
  if (isNamed || Buffer.byteLength(join(env.HOME ?? '', '.ansible/cp')) <= MAX_CONTROL_DIR_BYTES)
    return false;
  try {
    const section = config === null ? undefined : readConfig(config).get('ssh_connection');
    return section?.get('control_path_dir') === undefined && section?.get('control_path') === undefined;
  } catch {
    // Ansible itself reports an unreadable file
    return true;
  }
}

/**
 * A folder with a short path that only this user can access: anyone who can write to it can take over
 * connections. Someone else may have created one of that name, so it is checked each time.
 */
function createControlDir({ XDG_RUNTIME_DIR }: Environment): () => string {
  const uid = process.getuid?.() ?? 0;
  const candidates = [
    ...(XDG_RUNTIME_DIR?.startsWith('/') && isOurs(XDG_RUNTIME_DIR, uid)
      ? [join(XDG_RUNTIME_DIR, 'sible-cp')]
      : []),
    `/tmp/sible-${uid}`,
  ].filter((path) => Buffer.byteLength(path) <= MAX_CONTROL_DIR_BYTES);
  return () => {
    const found = candidates.find((path) => makeOurs(path, uid));
    if (found !== undefined) return found;
    const made = mkdtempSync(join(tmpdir().length < 40 ? tmpdir() : '/tmp', 'sible-'));
    candidates.unshift(made);
    return made;
  };
}

function makeOurs(path: string, uid: number): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    return codeOf(error) === 'EEXIST' && isOurs(path, uid);
  }
}

/** Whether it is a folder, not a symlink to one, that only this user can use. */
function isOurs(path: string, uid: number): boolean {
  try {
    const info = lstatSync(path);
    return info.isDirectory() && info.uid === uid && (info.mode & 0o777) === 0o700;
  } catch {
    return false;
  }
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}
