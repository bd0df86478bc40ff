import { join } from 'node:path';
import type { RunParameters } from '../domain/run.ts';

/** Where things are, all absolute. */
export interface CommandPaths {
  readonly playbooksDir: string;
  readonly dataDir: string;
  /** The file with the extra variables; null when there are none. */
  readonly extraVars: string | null;
}

/**
 * Arguments of ansible-playbook. Every value is part of its option's own token or an absolute path,
 * so that none can be taken for an option, and no shell ever sees them.
 */
export function ansibleArguments(playbook: string, parameters: RunParameters, paths: CommandPaths): string[] {
  const { inventory, limit, tags, skipTags, check, diff, verbosity, forks } = parameters;
  const args: string[] = [];
  if (inventory !== null) args.push(`--inventory=${join(paths.playbooksDir, inventory)}`);
  if (limit !== null) args.push(`--limit=${limit}`);
  if (tags.length > 0) args.push(`--tags=${tags.join(',')}`);
  if (skipTags.length > 0) args.push(`--skip-tags=${skipTags.join(',')}`);
  if (paths.extraVars !== null) args.push(`--extra-vars=@${paths.extraVars}`);
  if (check) args.push('--check');
  if (diff) args.push('--diff');
  if (forks !== null) args.push(`--forks=${forks}`);
  if (verbosity > 0) args.push(`-${'v'.repeat(verbosity)}`);
  args.push(join(paths.playbooksDir, playbook));
  return args;
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
  paths: Pick<CommandPaths, 'playbooksDir' | 'dataDir'>,
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

/**
 * Extra variables as YAML in which every text is `!unsafe`: Ansible takes it as it is and evaluates no template in it
 * (a plain `{{ lookup('pipe', …) }}` would be run on this machine).
 */
export function extraVarsFile(vars: Readonly<Record<string, unknown>>): string {
  return `${unsafeYaml(vars)}\n`;
}

function unsafeYaml(value: unknown): string {
  if (typeof value === 'string') return `!unsafe ${JSON.stringify(value)}`;
  if (Array.isArray(value)) return `[${value.map(unsafeYaml).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, inner]) => `? ${JSON.stringify(key)} : ${unsafeYaml(inner)}`)
      .join(', ')}}`;
  }
  return JSON.stringify(value ?? null);
}
