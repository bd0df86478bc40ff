import { join } from 'node:path';

/** Where things are, all absolute. */
export interface CommandPaths {
  readonly playbooksDir: string;
  readonly dataDir: string;
}

/** What of the server's own environment a playbook may see: nothing that could hold a secret of ours. */
const PASSED_ON = [
  'PATH',
  'LANG',
  'TZ',
  'SSH_AUTH_SOCK',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
];

/** The environment of all playbooks, each of which also gets its run's marker. HOME and the temporary folders are ours: without a writable home every host is "unreachable". */
export function ansibleEnvironment(
  own: NodeJS.ProcessEnv,
  paths: CommandPaths,
): Record<string, string> & { readonly TMPDIR: string } {
  const home = join(paths.dataDir, 'home');
  const passedOn = Object.fromEntries(PASSED_ON.flatMap((name) => (own[name] ? [[name, own[name]]] : [])));
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...passedOn,
    // Ansible refuses to start in a locale that is not UTF-8
    LC_ALL: 'C.UTF-8',
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    ANSIBLE_HOME: join(home, '.ansible'),
    ANSIBLE_LOCAL_TEMP: join(home, '.ansible', 'tmp'),
    ANSIBLE_FORCE_COLOR: '1',
    ANSIBLE_NOCOWS: '1',
    PYTHONUNBUFFERED: '1',
    // named outright: Ansible ignores the one of a folder that others can write to; where there is none it looks further
    ANSIBLE_CONFIG: join(paths.playbooksDir, 'ansible.cfg'),
  };
}
