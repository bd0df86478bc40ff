import { realpathSync, writeFileSync } from 'node:fs';
import { join, parse, relative } from 'node:path';
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
 * exit code and output are equal, except for times. What a real run costs is its start, so playbooks that do not end it
 * are imported by one, and parameters that do not touch each other are given together.
 */

interface Case {
  /** Several are imported, in this order, by one that is made for them. */
  readonly playbooks: readonly string[];
  /** Where a person would stand. */
  readonly folder: string;
  /** As the API takes them. */
  readonly parameters?: object;
  /** The same as a person types them. */
  readonly args?: readonly string[];
}

/** A run ends at the first playbook that fails, so only the last one of a group does. */
const AT_THE_ROOT: readonly (readonly string[])[] = [
  ['add-host', 'blocks', 'free', 'group-vars', 'handlers', 'failing'],
  ['copy', 'delegate', 'environment', 'facts', 'script', 'unreachable'],
  ['ignore-errors', 'import-playbook', 'import-tasks', 'include-role', 'include-tasks', 'async', 'retries'],
  ['lookups', 'own-filter', 'own-module', 'pause', 'undefined'],
  ['meta', 'patterns', 'role-dependencies', 'roles', 'run-once', 'precedence', 'no-log'],
  ['serial', 'skipped', 'tags', 'unicode', 'vars-files', 'hello', 'any-errors-fatal'],
  // its warning comes from another thread than what is before it
  ['warnings', 'signals', 'starts-ansible', 'template', 'two-homes', 'where-am-i', 'assert'],
  ['no-hosts-matched'],
  ['no-such-module'],
  ['no-such-role'],
  ['syntax-error'],
  ['vars-prompt-default'],
  ['vars-prompt-file'],
];

const IN_FOLDERS: readonly (readonly [folder: string, ...playbooks: string[]])[] = [
  ['site-a', 'playbooks/deploy', 'playbooks/where'],
  ['site-b', 'large', 'all'],
  ['vault', 'whole-file'],
  ['vault/missing-password', 'no-password'],
  ['vault/wrong-password', 'wrong'],
  ['script', 'scripted'],
  ['home', 'role-of-home', 'collection-of-home', 'reads-home'],
  ['collection', 'module', 'imports'],
  ['log-file', 'logged'],
  ['broken-config', 'any'],
  ['missing-callback', 'any'],
];

const WITH_PARAMETERS: readonly Case[] = [
  given(
    ['template', 'serial'],
    { check: true, diff: true, forks: 1, verbosity: 1 },
    '--check --diff --forks=1 -v',
  ),
  given(
    ['group-vars', 'tags', 'user'],
    { limit: 'web:!web2', skipTags: ['two'], become: true },
    '--limit=web:!web2 --skip-tags=two -b',
  ),
  given(['group-vars'], { limit: 'nobody' }, '--limit=nobody'),
  given(['tags'], { tags: ['one', 'never'] }, '--tags=one,never'),
  given(['hello'], { inventory: 'inventory/empty.ini' }, '-i inventory/empty.ini'),
  given(
    ['given'],
    { inventories: ['inventory/hosts.ini', 'inventory/extra.yml'], remoteUser: 'deploy' },
    '-i inventory/hosts.ini -i inventory/extra.yml -u deploy',
  ),
  // what several inventories, and several files of variables, say of one thing is decided by their order
  given(
    ['given'],
    {
      inventories: ['inventory/extra.yml', 'inventory/other.yml'],
      privateKeyFile: 'files/key',
      extraVarsFiles: ['vars/more.yml', 'vars/later.yml'],
    },
    '-i inventory/extra.yml -i inventory/other.yml --private-key=files/key -e @vars/more.yml -e @vars/later.yml',
  ),
  given(
    ['given'],
    {
      inventories: ['inventory/other.yml', 'inventory/extra.yml'],
      privateKeyFile: '~/.ssh/key',
      extraVarsFiles: ['vars/later.yml', 'vars/more.yml'],
    },
    '-i inventory/other.yml -i inventory/extra.yml --private-key=~/.ssh/key -e @vars/later.yml -e @vars/more.yml',
  ),
  given(['given'], { inventories: ['site-b/inv'], extraVarsFiles: ['vars/more.yml'] }, [
    '-i',
    'site-b/inv',
    '-e',
    '@vars/more.yml',
  ]),
  given(
    ['given'],
    {
      inventories: ['one,'],
      connection: 'ssh',
      extraVarsFiles: ['vars/later.yml'],
      extraVarsJson: '{"colour": "typed", "size": 1.50}',
    },
    ['-i', 'one,', '-c', 'ssh', '-e', '@vars/later.yml', '-e', '{"colour": "typed", "size": 1.50}'],
  ),
  given(
    ['given'],
    { inventories: ['one,two,[::1],web1,'], remoteUser: 'deploy', connection: 'local' },
    '-i one,two,[::1],web1, -u deploy -c local',
  ),
  given(
    ['given'],
    { inventories: ['inventory/hosts.ini', 'web1,three,'], limit: 'web1:three' },
    '-i inventory/hosts.ini -i web1,three, -l web1:three',
  ),
  given(['user'], { inventories: ['one,'], connection: 'no_such_plugin' }, '-i one, -c no_such_plugin'),
  given(['user'], { become: true, becomeUser: 'nobody' }, '-b --become-user=nobody'),
  given(['user'], { become: true, becomeUser: 'no-such-user' }, '-b --become-user=no-such-user'),
  // a person stands in the folder, and says what lies elsewhere from there
  given(['given'], { workingFolder: 'site-a' }, [], 'site-a'),
  given(
    ['given'],
    { workingFolder: 'site-a', inventories: ['inventory/hosts.ini'], extraVarsFiles: ['vars/more.yml'] },
    '-i ../inventory/hosts.ini -e @../vars/more.yml',
    'site-a',
  ),
  given(['site-a/playbooks/where'], { workingFolder: '' }, []),
  given(
    ['site-a/playbooks/where'],
    { workingFolder: 'site-a/playbooks', inventories: ['site-a/hosts.yml'] },
    '-i ../hosts.yml',
    'site-a/playbooks',
  ),
];

/** @param args the words of a command line; as one text where none has a space in it */
function given(
  playbooks: readonly string[],
  parameters: object,
  args: string | readonly string[],
  folder = '',
): Case {
  return { playbooks, folder, parameters, args: typeof args === 'string' ? args.split(' ') : args };
}

const CASES: readonly Case[] = [
  ...AT_THE_ROOT.map((playbooks) => ({ playbooks, folder: '' })),
  ...IN_FOLDERS.map(([folder, ...names]) => ({
    playbooks: names.map((name) => `${folder}/${name}`),
    folder,
  })),
  ...WITH_PARAMETERS,
];

const keyOf = ({ playbooks, folder, parameters, args }: Case) =>
  [...(parameters && folder ? [`${folder}:`] : []), playbooks.join(' + '), ...(args ?? [])].join(' ');
const AT_ONCE = 2;

/** @returns the path of the case's playbook, or of one that imports its playbooks, made in both copies */
function inOne({ playbooks, folder }: Case, copies: { byHand: ByHandCopy; bySible: ByHandCopy }): string {
  const [first = '', ...more] = playbooks.map((path) => `${path}.yml`);
  if (more.length === 0) return first;
  const imports = [first, ...more].map((path) => `- import_playbook: ${relative(folder, path)}\n`);
  const together = join(folder, `together-${[first, ...more].map((path) => parse(path).name).join('-')}.yml`);
  for (const copy of Object.values(copies)) writeFileSync(join(copy.playbooks, together), imports.join(''));
  return together;
}

/** Whether all of so many playbooks began: behind one that fails nothing would be compared. */
function reached({ exitCode, output }: ByHandResult, count: number): boolean {
  return exitCode === 0 || output.split('PLAY [').length > count;
}

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
            const playbook = inOne(one, copies);
            const byHand = await runByHand(copies.byHand, one.folder, playbook, one.args ?? []);
            const id = await runPlaybook(test.api, playbook, one.parameters ?? null);
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
    expect(new Set(CASES.flatMap(({ playbooks }) => playbooks)).size).toBeGreaterThanOrEqual(60);
  });

  it.each(CASES.map((one) => [keyOf(one), one.playbooks] as const))('%s', (key, playbooks) => {
    const { byHand, bySible } = results.get(key) ?? {};
    if (!byHand || !bySible) throw new Error('It was not run.');
    if (playbooks.length > 1) expect(reached(byHand, playbooks.length), byHand.output).toBe(true);
    expect(comparable(bySible.output, copies.bySible)).toBe(comparable(byHand.output, copies.byHand));
    expect(bySible.exitCode).toBe(byHand.exitCode);
  });
});
