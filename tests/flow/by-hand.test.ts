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
];

const CASES: readonly Case[] = [
  ...AT_THE_ROOT.map((name) => ({ playbook: `${name}.yml`, folder: '' })),
  ...IN_FOLDERS.flatMap(([folder, playbooks]) =>
    playbooks.map((name) => ({ playbook: `${folder}/${name}`, folder })),
  ),
  ...WITH_PARAMETERS,
];

const keyOf = ({ playbook, args }: Case) => [playbook, ...(args ?? [])].join(' ');
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
