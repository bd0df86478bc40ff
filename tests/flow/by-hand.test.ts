import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ByHandCopy,
  type ByHandResult,
  comparable,
  copyByHand,
  environmentOf,
  runByHand,
} from '../support/by-hand.ts';
import { readLog, runPlaybook, waitForEnd } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { withServer } from '../support/with-server.ts';

/**
 * A run of Sible and the same ansible-playbook by hand, in the same folder, as the same user, with stdin from /dev/null:
 * exit code and output are equal, except for times.
 */

interface Case {
  readonly playbook: string;
  /** Where a person would stand. */
  readonly folder: string;
  /** As the API takes them. */
  readonly parameters?: object;
  /** The same as a person types them. */
  readonly args?: readonly string[];
}

const AT_THE_ROOT = [
  'add-host',
  'any-errors-fatal',
  'assert',
  'async',
  'blocks',
  'copy',
  'delegate',
  'environment',
  'facts',
  'failing',
  'free',
  'group-vars',
  'handlers',
  'hello',
  'ignore-errors',
  'import-playbook',
  'import-tasks',
  'include-role',
  'include-tasks',
  'lookups',
  'loops',
  'meta',
  'no-hosts-matched',
  'no-log',
  'no-such-module',
  'no-such-role',
  'own-filter',
  'own-module',
  'patterns',
  'pause',
  'precedence',
  'retries',
  'role-dependencies',
  'roles',
  'run-once',
  'script',
  'serial',
  'signals',
  'skipped',
  'starts-ansible',
  'syntax-error',
  'tags',
  'template',
  'two-homes',
  'undefined',
  'unicode',
  'unreachable',
  'vars-files',
  'vars-prompt-default',
  'vars-prompt-file',
  'warnings',
  'where-am-i',
];

const IN_FOLDERS: readonly (readonly [folder: string, playbooks: readonly string[]])[] = [
  ['site-a', ['playbooks/deploy.yml', 'playbooks/where.yml']],
  ['site-b', ['large.yml', 'all.yml']],
  ['vault', ['whole-file.yml']],
  ['vault/missing-password', ['no-password.yml']],
  ['vault/wrong-password', ['wrong.yml']],
  ['script', ['scripted.yml']],
  ['home', ['role-of-home.yml', 'collection-of-home.yml', 'reads-home.yml']],
  ['collection', ['module.yml', 'imports.yml']],
  ['log-file', ['logged.yml']],
  ['broken-config', ['any.yml']],
  ['missing-callback', ['any.yml']],
];

const WITH_PARAMETERS: readonly Case[] = [
  {
    playbook: 'template.yml',
    folder: '',
    parameters: { check: true, diff: true },
    args: ['--check', '--diff'],
  },
  { playbook: 'group-vars.yml', folder: '', parameters: { limit: 'web:!web2' }, args: ['--limit=web:!web2'] },
  { playbook: 'group-vars.yml', folder: '', parameters: { limit: 'nobody' }, args: ['--limit=nobody'] },
  { playbook: 'tags.yml', folder: '', parameters: { tags: ['one', 'never'] }, args: ['--tags=one,never'] },
  { playbook: 'tags.yml', folder: '', parameters: { skipTags: ['two'] }, args: ['--skip-tags=two'] },
  {
    playbook: 'hello.yml',
    folder: '',
    parameters: { inventory: 'inventory/empty.ini' },
    args: ['-i', 'inventory/empty.ini'],
  },
  { playbook: 'serial.yml', folder: '', parameters: { forks: 1, verbosity: 1 }, args: ['--forks=1', '-v'] },
  given({ inventories: ['inventory/hosts.ini', 'inventory/extra.yml'] }, [
    '-i',
    'inventory/hosts.ini',
    '-i',
    'inventory/extra.yml',
  ]),
  // what several inventories say of one host is decided by their order
  given({ inventories: ['inventory/extra.yml', 'inventory/other.yml'] }, [
    '-i',
    'inventory/extra.yml',
    '-i',
    'inventory/other.yml',
  ]),
  given({ inventories: ['inventory/other.yml', 'inventory/extra.yml'] }, [
    '-i',
    'inventory/other.yml',
    '-i',
    'inventory/extra.yml',
  ]),
  given({ inventories: ['site-b/inv'] }, ['-i', 'site-b/inv']),
  given({ inventories: ['one,'] }, ['-i', 'one,']),
  given({ inventories: ['one,two,[::1],web1,'] }, ['-i', 'one,two,[::1],web1,']),
  given({ inventories: ['inventory/hosts.ini', 'web1,three,'], limit: 'web1:three' }, [
    '-i',
    'inventory/hosts.ini',
    '-i',
    'web1,three,',
    '-l',
    'web1:three',
  ]),
  given({ remoteUser: 'deploy' }, ['-u', 'deploy']),
  given({ inventories: ['one,'], remoteUser: 'deploy', connection: 'local' }, [
    '-i',
    'one,',
    '-u',
    'deploy',
    '-c',
    'local',
  ]),
  given({ inventories: ['one,'], connection: 'ssh' }, ['-i', 'one,', '-c', 'ssh']),
  {
    playbook: 'user.yml',
    folder: '',
    parameters: { inventories: ['one,'], connection: 'no_such_plugin' },
    args: ['-i', 'one,', '-c', 'no_such_plugin'],
  },
  given({ inventories: ['one,'], privateKeyFile: 'files/key' }, ['-i', 'one,', '--private-key=files/key']),
  given({ inventories: ['one,'], privateKeyFile: '~/.ssh/key' }, ['-i', 'one,', '--private-key=~/.ssh/key']),
  { playbook: 'user.yml', folder: '', parameters: { become: true }, args: ['-b'] },
  {
    playbook: 'user.yml',
    folder: '',
    parameters: { become: true, becomeUser: 'nobody' },
    args: ['-b', '--become-user=nobody'],
  },
  {
    playbook: 'user.yml',
    folder: '',
    parameters: { become: true, becomeUser: 'no-such-user' },
    args: ['-b', '--become-user=no-such-user'],
  },
  given({ extraVarsFiles: ['vars/more.yml'] }, ['-e', '@vars/more.yml']),
  given({ extraVarsFiles: ['vars/more.yml', 'vars/later.yml'] }, [
    '-e',
    '@vars/more.yml',
    '-e',
    '@vars/later.yml',
  ]),
  given({ extraVarsFiles: ['vars/later.yml', 'vars/more.yml'] }, [
    '-e',
    '@vars/later.yml',
    '-e',
    '@vars/more.yml',
  ]),
  given({ extraVarsFiles: ['vars/later.yml'], extraVarsJson: '{"colour": "typed", "size": 1.50}' }, [
    '-e',
    '@vars/later.yml',
    '-e',
    '{"colour": "typed", "size": 1.50}',
  ]),
  // a person stands in the folder, and says what lies elsewhere from there
  given({ workingFolder: 'site-a' }, [], 'site-a'),
  given(
    { workingFolder: 'site-a', inventories: ['inventory/hosts.ini'], extraVarsFiles: ['vars/more.yml'] },
    ['-i', '../inventory/hosts.ini', '-e', '@../vars/more.yml'],
    'site-a',
  ),
  { playbook: 'site-a/playbooks/where.yml', folder: '', parameters: { workingFolder: '' }, args: [] },
  {
    playbook: 'site-a/playbooks/where.yml',
    folder: 'site-a/playbooks',
    parameters: { workingFolder: 'site-a/playbooks', inventories: ['site-a/hosts.yml'] },
    args: ['-i', '../hosts.yml'],
  },
];

/** A playbook that prints whatever such parameters change. */
function given(parameters: object, args: readonly string[], folder = ''): Case {
  return { playbook: 'given.yml', folder, parameters, args };
}

const CASES: readonly Case[] = [
  ...AT_THE_ROOT.map((name) => ({ playbook: `${name}.yml`, folder: '' })),
  ...IN_FOLDERS.flatMap(([folder, playbooks]) =>
    playbooks.map((name) => ({ playbook: `${folder}/${name}`, folder })),
  ),
  ...WITH_PARAMETERS,
];

const keyOf = ({ playbook, folder, parameters, args }: Case) =>
  [...(parameters && folder ? [`${folder}:`] : []), playbook, ...(args ?? [])].join(' ');
const AT_ONCE = 2;

describe('a run does what ansible-playbook does by hand', () => {
  const results = new Map<string, { byHand: ByHandResult; bySible: ByHandResult }>();
  let copies: { byHand: ByHandCopy; bySible: ByHandCopy };
  let remove: () => Promise<void> = async () => undefined;

  beforeAll(async () => {
    const folder = await makeTempDir();
    remove = () => folder.remove();
    const path = realpathSync(folder.path);
    copies = {
      byHand: await copyByHand(join(path, 'by-hand')),
      bySible: await copyByHand(join(path, 'by-sible')),
    };
    await withServer(
      {
        storage: SQLITE,
        ansible: 'real',
        env: {
          ...environmentOf(copies.bySible),
          SIBLE_PLAYBOOKS_DIR: copies.bySible.playbooks,
          SIBLE_CONCURRENCY: String(AT_ONCE),
        },
      },
      async (test) => {
        const left = [...CASES];
        const worker = async () => {
          for (let one = left.shift(); one; one = left.shift()) {
            const byHand = await runByHand(copies.byHand, one.folder, one.playbook, one.args ?? []);
            const id = await runPlaybook(test.api, one.playbook, one.parameters ?? null);
            const { exitCode } = await waitForEnd(() => test.api, id);
            const { text } = await readLog(test.api, id);
            results.set(keyOf(one), { byHand, bySible: { exitCode, output: text } });
          }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, worker));
      },
    );
  }, 600_000);

  afterAll(() => remove());

  it('is tried on at least 60 playbooks', () => {
    expect(new Set(CASES.map(({ playbook }) => playbook)).size).toBeGreaterThanOrEqual(60);
  });

  it.each(CASES.map((one) => [keyOf(one)]))('%s', (key) => {
    const { byHand, bySible } = results.get(key) ?? {};
    if (!byHand || !bySible) throw new Error('It was not run.');
    expect(comparable(bySible.output, copies.bySible)).toBe(comparable(byHand.output, copies.byHand));
    expect(bySible.exitCode).toBe(byHand.exitCode);
  });
});
