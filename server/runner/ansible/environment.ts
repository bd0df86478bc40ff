import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { matchesName } from '../../domain/name-pattern.ts';

export type Environment = Readonly<Record<string, string>>;

/**
 * The server's environment variables that playbooks see: those that Ansible, its Python and ssh read
 * themselves, and those that locate the user's things. None is a secret of ours. `SIBLE_PASS_ENV` adds to them.
 */
const PASSED_ON: readonly string[] = [
  // identity and locations
  ...['HOME', 'USER', 'LOGNAME', 'SHELL', 'PATH', 'TMPDIR', 'TERM', 'XDG_*', 'DBUS_SESSION_BUS_ADDRESS'],
  // the locale; dropped as a whole if Ansible would refuse it
  ...['LANG', 'LANGUAGE', 'LC_*', 'TZ'],
  'ANSIBLE_*',
  // ssh, and the agents that hold its keys or ask for their passphrases
  ...['SSH_AUTH_SOCK', 'SSH_AGENT_PID', 'SSH_ASKPASS', 'SSH_ASKPASS_REQUIRE', 'SSH_SK_PROVIDER'],
  ...['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY'],
  // Kerberos, Kubernetes, containers; vault password scripts mostly call gpg or pass
  ...['KRB5CCNAME', 'KRB5_CONFIG', 'KRB5_KTNAME', 'KRB5_CLIENT_KTNAME', 'KUBECONFIG'],
  ...[
    'DOCKER_HOST',
    'DOCKER_CONTEXT',
    'DOCKER_CONFIG',
    'DOCKER_CERT_PATH',
    'DOCKER_TLS_VERIFY',
    'CONTAINER_HOST',
  ],
  ...['GNUPGHOME', 'PASSWORD_STORE_DIR'],
  // the network
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY', 'NO_PROXY'],
  ...['http_proxy', 'https_proxy', 'ftp_proxy', 'all_proxy', 'no_proxy'],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'GIT_SSH', 'GIT_SSH_COMMAND'],
  // the Python that runs Ansible
  ...['PYTHONPATH', 'PYTHONHOME', 'PYTHONUSERBASE', 'PYTHONNOUSERSITE', 'PYTHONWARNINGS', 'VIRTUAL_ENV'],
  'LD_LIBRARY_PATH',
];

/** `ANSIBLE_*` variables that are withheld, each because it would break a promise. */
const KEPT_BACK: readonly string[] = [
  // they make Ansible prompt for a password or a debugger command: nobody answers, so every run would hang
  ...[
    'ANSIBLE_ASK_PASS',
    'ANSIBLE_ASK_VAULT_PASS',
    'ANSIBLE_BECOME_ASK_PASS',
    'ANSIBLE_ENABLE_TASK_DEBUGGER',
  ],
];

/** Never passed on, whatever the configuration says: they are ours, and some are secrets. */
const OURS: readonly string[] = ['SIBLE_*', 'MONGODB_URI', 'MONGODB_URI_FILE'];

/** Set for ansible-playbook only; the callback plugin reverts them for everything that the playbook starts. */
const FOR_ANSIBLE_ALONE: Environment = {
  // the log is a file, but shows colours
  ANSIBLE_FORCE_COLOR: '1',
  // output printed by plugins themselves appears in the log immediately
  PYTHONUNBUFFERED: '1',
};

export interface RunEnvironment {
  readonly variables: Environment;
  /** Values that tasks see instead of those in `variables`; null: unset. */
  readonly forTasks: Readonly<Record<string, string | null>>;
}

/** The environment common to all runs. @param passEnv names and patterns of further variables to pass on */
export function baseEnvironment(
  own: NodeJS.ProcessEnv,
  passEnv: readonly string[],
  onWarning: (message: string) => void,
): RunEnvironment {
  const isOneOf = (name: string, patterns: readonly string[]) =>
    patterns.some((pattern) => matchesName(name, pattern));
  const passedOn: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || isOneOf(name, OURS)) continue;
    const isListed = isOneOf(name, PASSED_ON) && !KEPT_BACK.includes(name);
    if (isListed || isOneOf(name, passEnv)) passedOn[name] = value;
  }
  const forTasks = Object.fromEntries(
    Object.keys(FOR_ANSIBLE_ALONE).map((name) => [name, passedOn[name] ?? null]),
  );
  const home = passedOn.HOME || homeOfUser();
  return {
    variables: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      ...withLocale(passedOn, onWarning),
      ...(home === null ? {} : { HOME: home }),
      ...FOR_ANSIBLE_ALONE,
    },
    forTasks,
  };
}

/** Whether programs of this user can write to the folder. */
export function isWritableFolder(path: string): boolean {
  try {
    if (!statSync(path).isDirectory()) return false;
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Null when the system does not know the user: a container may run as any uid. */
function homeOfUser(): string | null {
  try {
    return userInfo().homedir || null;
  } catch {
    return null;
  }
}

/** Ansible refuses to start in a locale that is not UTF-8 or not installed. */
function withLocale(
  variables: Record<string, string>,
  onWarning: (message: string) => void,
): Record<string, string> {
  const isOfLocale = (name: string) => name === 'LANG' || name === 'LANGUAGE' || name.startsWith('LC_');
  const names = Object.keys(variables).filter(isOfLocale);
  if (isUtf8(variables)) return variables;
  const [first] = ['LC_ALL', 'LC_CTYPE', 'LANG'].filter((name) => variables[name]);
  if (first !== undefined && !['C', 'POSIX'].includes(variables[first] ?? '')) {
    onWarning(
      `The locale ${names.map((name) => `${name}=${variables[name]}`).join(' ')} is not UTF-8, or not installed; playbooks run with C.UTF-8.`,
    );
  }
  // as Python itself does without a locale
  return {
    ...Object.fromEntries(Object.entries(variables).filter(([name]) => !isOfLocale(name))),
    LC_CTYPE: 'C.UTF-8',
  };
}

const LOCALE_TIMEOUT_MS = 5_000;

function isUtf8(variables: Environment): boolean {
  const asked = spawnSync('locale', ['charmap'], {
    env: { ...variables },
    encoding: 'utf8',
    timeout: LOCALE_TIMEOUT_MS,
  });
  if (asked.status === null) {
    return /utf-?8/i.test(variables.LC_ALL || variables.LC_CTYPE || variables.LANG || '');
  }
  // `locale` reports a missing locale on stderr only
  return asked.stdout.trim() === 'UTF-8' && asked.stderr === '';
}
