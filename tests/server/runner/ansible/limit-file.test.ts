import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { limitFile, requireReadableLimit } from '../../../../server/runner/ansible/limit-file.ts';
import { RunRefusedError } from '../../../../server/runner/runner.ts';
import { findAnsible } from '../../../support/ansible.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

/** Whatever Ansible gives a meaning to in a pattern, or in the names of hosts. */
const ODD = [
  '!web1',
  '&web1',
  '~web.*',
  'web*',
  'we?1',
  'fd00::1',
  'a,b',
  'a b',
  '@web1',
  '-web1',
  '#web1',
  '.web1',
  'ümläut',
  '日本',
  'web1.example.org',
  'web_1',
  '$web1|web2',
  '(web1',
  'all*',
];
const OTHERS = ['web1', 'web2', 'a', 'b', 'ümläut2', 'xfd00::1', 'web1xexample.org', 'all-of-them'];

/** The hosts that Ansible would run on, of these. @param groups with their hosts */
async function select(
  inventory: readonly string[],
  hosts: readonly string[],
  limit: string | null = null,
  groups: Readonly<Record<string, readonly string[]>> = {},
): Promise<string[]> {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const children = Object.fromEntries(
    Object.entries(groups).map(([name, members]) => [
      name,
      { hosts: Object.fromEntries(members.map((member) => [member, {}])) },
    ]),
  );
  const entries = Object.fromEntries(inventory.map((name) => [name, {}]));
  const file = limitFile(hosts, limit);
  // "fine" keeps a limit that matches nothing else from being refused
  writeFileSync(
    join(folder.path, 'hosts.yaml'),
    JSON.stringify({ all: { hosts: { ...entries, fine: {} }, children } }),
  );
  writeFileSync(join(folder.path, 'play.yaml'), '- hosts: all\n');
  writeFileSync(join(folder.path, file.name), `${file.content}fine\n`);
  const { stdout, stderr } = spawnSync(
    findAnsible(),
    ['-i', 'hosts.yaml', `${file.option}${join(folder.path, file.name)}`, '--list-hosts', 'play.yaml'],
    {
      cwd: folder.path,
      env: { PATH: '/usr/bin:/bin', HOME: folder.path, LC_ALL: 'C.UTF-8' },
      encoding: 'utf8',
    },
  );
  const listed = stdout.split(/hosts \(\d+\):\n/)[1];
  if (listed === undefined) throw new Error(stderr);
  return listed
    .split('\n')
    .map((line) => line.slice(6))
    .filter((name) => name !== '' && name !== 'fine')
    .sort();
}

it('limits a run to exactly the hosts named, whatever characters they have', async () => {
  expect(await select([...ODD, ...OTHERS], ODD)).toEqual([...ODD].sort());
});

it('selects no other host where those named are gone', async () => {
  expect(await select(OTHERS, ODD)).toEqual([]);
});

it('never turns a single name into all others', async () => {
  for (const name of ['!web1', '&web1', '~web.*'])
    expect(await select([name, ...OTHERS], [name])).toEqual([name]);
});

it('holds thousands of names', async () => {
  const names = Array.from({ length: 5_000 }, (_, n) => `host-${n}.example.org`);
  const wanted = names.filter((_, n) => n % 2 === 0);
  expect(await select(names, wanted)).toEqual([...wanted].sort());
});

it('refuses a path that Ansible would split', () => {
  const file = limitFile(['web1'], null);
  for (const path of [
    '/data/a b/limit.txt',
    '/data/a,b/limit.txt',
    '/data/a:b/limit.txt',
    '/data/[a]/limit.txt',
  ])
    expect(() => requireReadableLimit(file, path)).toThrow(RunRefusedError);
  requireReadableLimit(file, '/data/runs/limit.txt');
  requireReadableLimit({ option: '--extra-vars=@' }, '/data/a b/extra-vars.yml');
});

it.each<[string, string[], string[]]>([
  // a host that is gone has the name of a group
  ['web', ['web1', 'db'], ['web1']],
  ['web:!web2', ['web1', 'web2', 'db'], ['web1']],
  ['web,!web2', ['web1', 'web2'], ['web1']],
  ['all:&web', ['web1', 'db'], ['web1']],
  ['!db1', ['web1', 'db'], ['db2', 'web1']],
  ['web:db', ['web1', 'db1'], ['db1', 'web1']],
  // the second and third of the group
  ['web[1:2]', ['web1', 'web2', 'db'], ['web2']],
  ['~web\\d', ['web1', 'db'], ['web1']],
  ['fd00::1', ['fd00::1', 'db'], ['fd00::1']],
])('stays within the limit %s of the parameters', async (limit, hosts, expected) => {
  const groups = { web: ['web1', 'web2', 'fine'], db: ['db1', 'db2'] };
  expect(await select(['fd00::1'], hosts, limit, groups)).toEqual(expected);
});

it.each(['all', 'ungrouped'])('refuses %s for a host', (name) => {
  expect(() => limitFile(['web1', name], null)).toThrow(RunRefusedError);
});
