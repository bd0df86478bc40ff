/**
 * What ansible-playbook can be started with beside the playbook: the one table from which the types, the checks, what is
 * stored, the API, the arguments, the console's form and the README derive.
 */

interface Described {
  /** What the console calls it. */
  readonly label: string;
  /** For the API's schema, the README and the form: meaning, range, and what it is when it is not given. */
  readonly description: string;
  /** Option of ansible-playbook; null when it is none. */
  readonly option: string | null;
  readonly placeholder?: string;
  /** What the form says below the field. */
  readonly hint?: string;
}
interface ListField extends Described {
  readonly kind: 'list';
  /** How the values are parted where they are typed as one text; none of them contains it. */
  readonly separator: ',' | '\n';
}
interface TextField extends Described {
  readonly kind: 'text';
  /** What stands for the empty text where an empty field means "not given"; null: the empty text is no value. */
  readonly emptyAs?: string;
}
interface FlagField extends Described {
  readonly kind: 'flag';
}
interface NumberField extends Described {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly default: number | null;
}
/** A JSON object, kept as the text that was typed. */
interface JsonField extends Described {
  readonly kind: 'json';
}
export type RunParameterField = ListField | TextField | FlagField | NumberField | JsonField;

export const RUN_PARAMETERS = {
  inventories: {
    kind: 'list',
    separator: '\n',
    label: 'Inventories',
    option: '--inventory',
    placeholder: 'inventory/hosts.ini',
    hint: 'Paths in the playbook folder, or hosts that end in a comma: web1,web2,',
    description:
      'Inventory files, folders or scripts, relative to the playbook folder, or lists of hosts that end in a comma ("web1,web2,"). None: what ansible.cfg says, or Ansible\'s default.',
  },
  limit: {
    kind: 'text',
    label: 'Limit',
    option: '--limit',
    placeholder: 'web:&prod:!db01',
    description: 'Host pattern. Null: all hosts of the play.',
  },
  tags: {
    kind: 'list',
    separator: ',',
    label: 'Tags',
    option: '--tags',
    placeholder: 'comma separated',
    description: 'Run only what has one of these tags.',
  },
  skipTags: {
    kind: 'list',
    separator: ',',
    label: 'Skip tags',
    option: '--skip-tags',
    placeholder: 'comma separated',
    description: 'Leave out what has one of these tags.',
  },
  extraVarsJson: {
    kind: 'json',
    label: 'Extra variables (JSON)',
    option: '--extra-vars',
    placeholder: '{"release": "1.2"}',
    description:
      'Variables as a JSON object, handed to the playbook as data: templates in them stay text, numbers stay as they are written.',
  },
  extraVarsFiles: {
    kind: 'list',
    separator: '\n',
    label: 'Variables files',
    option: '--extra-vars',
    placeholder: 'vars/release.yaml',
    description:
      "Files of variables, relative to the playbook folder; templates in them are Ansible's business, as by hand. The extra variables win over them.",
  },
  check: {
    kind: 'flag',
    label: 'Check mode: change nothing, say what would change',
    option: '--check',
    description: 'Change nothing, only say what would change.',
  },
  diff: {
    kind: 'flag',
    label: 'Show differences of changed files',
    option: '--diff',
    description: 'Show the differences of changed files.',
  },
  become: {
    kind: 'flag',
    label: 'Become another user',
    option: '--become',
    description: 'Run tasks as another user, root unless "becomeUser" says otherwise.',
  },
  becomeUser: {
    kind: 'text',
    label: 'Become user',
    option: '--become-user',
    placeholder: 'root',
    description: 'The user that tasks run as. Needs `become`.',
  },
  remoteUser: {
    kind: 'text',
    label: 'Remote user',
    option: '--user',
    placeholder: 'deploy',
    description: 'The user that connections are made as.',
  },
  connection: {
    kind: 'text',
    label: 'Connection',
    option: '--connection',
    placeholder: 'ssh',
    description: 'Connection plugin, e.g. ssh, local, community.docker.docker.',
  },
  privateKeyFile: {
    kind: 'text',
    label: 'Private key file',
    option: '--private-key',
    placeholder: '~/.ssh/id_ed25519',
    description: 'A key on the server: absolute, from ~/, or relative to the playbook folder.',
  },
  verbosity: {
    kind: 'number',
    min: 0,
    max: 6,
    default: 0,
    label: 'Verbosity',
    option: '-v',
    description: 'That many "-v", 0 to 6.',
  },
  forks: {
    kind: 'number',
    min: 1,
    max: 500,
    default: null,
    label: 'Forks',
    option: '--forks',
    description: "Hosts at once, 1 to 500. Null: Ansible's default.",
  },
  timeoutSeconds: {
    kind: 'number',
    min: 1,
    max: 2_592_000,
    default: null,
    label: 'Time limit (seconds)',
    option: null,
    description:
      "Ends the run after so long, 1 to 2,592,000 s, instead of after the server's limit. Null: the server's limit.",
  },
  workingFolder: {
    kind: 'text',
    emptyAs: '.',
    label: 'Working folder',
    option: null,
    placeholder: 'automatic',
    description:
      'Folder from which ansible-playbook is started, relative to the playbook folder ("" is its root). Null: the nearest folder at or above the playbook that has an ansible.cfg, else the root.',
  },
} as const satisfies Record<string, RunParameterField>;

type Table = typeof RUN_PARAMETERS;
export type RunParameterName = keyof Table;

type ValueOf<F> = F extends { kind: 'list' }
  ? readonly string[]
  : F extends { kind: 'flag' }
    ? boolean
    : F extends { kind: 'number'; default: number }
      ? number
      : F extends { kind: 'number' }
        ? number | null
        : string | null;

/** A value for each row of the table. */
export type RunParameters = { readonly [N in RunParameterName]: ValueOf<Table[N]> };

export const RUN_PARAMETER_NAMES = Object.keys(RUN_PARAMETERS) as readonly RunParameterName[];

/** What a parameter is when it is not given. */
export function defaultOf(field: RunParameterField): readonly string[] | string | boolean | number | null {
  switch (field.kind) {
    case 'list':
      return [];
    case 'flag':
      return false;
    case 'number':
      return field.default;
    case 'text':
    case 'json':
      return null;
  }
}

export const NO_PARAMETERS = Object.fromEntries(
  RUN_PARAMETER_NAMES.map((name) => [name, defaultOf(RUN_PARAMETERS[name])]),
) as RunParameters;

/** Whether a value says more than not giving it would. */
export function isGiven(name: RunParameterName, value: unknown): boolean {
  const standard = defaultOf(RUN_PARAMETERS[name]);
  return Array.isArray(standard)
    ? Array.isArray(value) && value.length > 0
    : (value ?? null) !== null && value !== standard;
}
