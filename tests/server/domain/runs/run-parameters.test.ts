import { describe, expect, it } from 'vitest';
import { checkRunParameters } from '../../../../server/domain/runs/parameters/check.ts';
import { changeOf, parametersOf } from '../../../../server/domain/runs/parameters/input.ts';
import { ansibleArguments } from '../../../../server/runner/ansible/ansible-arguments.ts';
import { extraVarsFile } from '../../../../server/runner/ansible/extra-vars-file.ts';
import { NO_PARAMETERS, type RunParameters } from '../../../../shared/run-parameters.ts';

const issuesOf = (parameters: Partial<RunParameters>) =>
  checkRunParameters({ ...NO_PARAMETERS, ...parameters });

function nested(depth: number): Record<string, unknown> {
  let value: Record<string, unknown> = {};
  for (let n = 1; n < depth; n += 1) value = { inner: value };
  return value;
}

const json = (value: unknown): Partial<RunParameters> => ({ extraVarsJson: JSON.stringify(value) });
/** As Ansible documents them as magic variables, and the functions of its templates. */
const OWN_NAMES = [
  ...['environment', 'group_names', 'groups', 'hostvars', 'inventory_dir', 'inventory_file'],
  ...['inventory_hostname', 'inventory_hostname_short', 'omit', 'play_hosts', 'playbook_dir', 'role_name'],
  ...['role_names', 'role_path', 'role_uuid', 'vars', 'cycler', 'dict', 'joiner', 'lipsum', 'lookup'],
  ...['namespace', 'now', 'q', 'query', 'range', 'undef'],
];
const SURROGATE = 'a\ud800b';

describe('checkRunParameters', () => {
  it.each<[string, Partial<RunParameters>]>([
    ['nothing', {}],
    ...[
      'web*:!web1:&prod,~db[0-9]+',
      'web:&prod:!db01',
      '~web\\d+',
      'web[0:5]',
      'web[-1]',
      '2001:db8::1',
      '[::1]:22',
    ].map((limit): [string, Partial<RunParameters>] => [`the limit ${limit}`, { limit }]),
    ['a regex with "@"', { limit: '~admin@web\\d+' }],
    ['"@" in brackets', { limit: 'web[@x]' }],
    ['"@" after a colon, where commas part', { limit: 'a:@b,c' }],
    ['"@" after a modifier, which is a pattern', { limit: 'all,!@b' }],
    ['1,000 characters of limit', { limit: 'x'.repeat(1_000) }],
    ['tags', { tags: ['a', 'b c'], skipTags: ['never'] }],
    ['100 tags', { tags: Array(100).fill('a') }],
    ...[
      'inventory/hosts.ini',
      'inventory/prod/',
      './hosts.ini',
      '.vagrant/provisioners/ansible/inventory',
      'hosts',
      'a//b',
      'a/../hosts',
      '.',
      'localhost,',
      'web1,web2,',
      'web1, user@10.0.0.1:22, [::1]:22',
    ].map((one): [string, Partial<RunParameters>] => [`the inventory ${one}`, { inventories: [one] }]),
    ['the limits of numbers', { verbosity: 6, forks: 500, timeoutSeconds: 2_592_000 }],
    ['another user', { become: true, becomeUser: 'postgres', remoteUser: 'CORP\\svc-ansible$' }],
    ['connections', { connection: 'community.docker.docker' }],
    ...['/etc/keys/a', '~/.ssh/id', 'keys/a', './keys/a'].map(
      (privateKeyFile): [string, Partial<RunParameters>] => [`the key ${privateKeyFile}`, { privateKeyFile }],
    ),
    ['files of variables', { extraVarsFiles: ['vars/a.yaml', './b.json'] }],
    ['the root as working folder', { workingFolder: '' }],
    ['templates, which are texts', json({ text: "{{ lookup('pipe', 'id') }}" })],
    [
      'keys of all kinds',
      { extraVarsJson: '{"a": {"__proto__": 1, "<<": 2, "=": 3, "null": 4, "a": 5, "a": 6}}' },
    ],
    ['names of keywords', json({ hosts: 'web', name: 'x', port: 80 })],
    ['numbers of all kinds', { extraVarsJson: `{"x": [9007199254740993, 1e400, -0, ${'9'.repeat(4_300)}]}` }],
    ['10,000 values', json({ list: Array(9_999).fill(1) })],
    ['20 levels', json(nested(20))],
    ['262,144 bytes', json({ a: 'x'.repeat(262_136) })],
    ['names that only begin or end as those of Ansible', json({ ansible: 1, my_ansible_host: 1, varsx: 1 })],
  ])('has nothing against %s', (_, parameters) => {
    expect(issuesOf(parameters)).toEqual([]);
  });

  it.each<[string, Partial<RunParameters>, RegExp, number | null]>([
    ['an empty limit', { limit: '  ' }, /empty/, null],
    ['an option', { limit: '-vvv' }, /begin with "-"/, 0],
    ['a file', { limit: '@/etc/passwd' }, /begin with "@"/, 0],
    ['a file later on', { limit: 'web, @/etc/passwd' }, /begin with "@"/, 5],
    ['a file after a blank', { limit: 'localhost @/etc/passwd' }, /begin with "@"/, 10],
    ['a file after another kind of blank', { limit: 'a\u3000@/etc/passwd' }, /begin with "@"/, 2],
    ['a file after a colon', { limit: 'a:@/etc/passwd' }, /begin with "@"/, 2],
    ['a file after an open bracket', { limit: 'a[@/etc/passwd' }, /begin with "@"/, 2],
    ['a file after a stray bracket', { limit: 'a]@/etc/passwd' }, /begin with "@"/, 2],
    ['a line end', { limit: 'web\n-e' }, /control/, 3],
    ['a next line', { limit: 'web\u0085@/etc/passwd' }, /control/, 3],
    ['a template in a limit', { limit: "{{ lookup('pipe','id') }}" }, /template/, 0],
    ['half a character in a limit', { limit: SURROGATE }, /surrogate/, 1],
    ['1,001 characters of limit', { limit: 'x'.repeat(1_001) }, /longer than 1000/, null],
    ['101 tags', { tags: Array(101).fill('a') }, /101 tags/, null],
    ['a tag that is two', { skipTags: ['a,b'] }, /comma/, null],
    ['a tag that is an option', { tags: ['--help'] }, /begins with "-"/, 0],
    ['a template in a tag', { tags: ['a', '{% raw %}'] }, /template/, null],
    ['half a character in a tag', { tags: [SURROGATE] }, /surrogate/, 1],
    ['an absolute inventory', { inventories: ['/etc/passwd'] }, /absolute/, null],
    ['an inventory outside', { inventories: ['a/../../b'] }, /outside/, null],
    ['an inventory at home', { inventories: ['~/hosts'] }, /home/, null],
    ['a variable of the environment', { inventories: ['$HOME/hosts'] }, /"\$"/, null],
    ['half a character in a path', { inventories: [SURROGATE] }, /surrogate/, 1],
    ['an option among hosts', { inventories: ['a,-oProxyCommand=id'] }, /no name or address/, null],
    ['an option after a user', { inventories: ['a@-oProxyCommand=id,'] }, /no name or address/, null],
    ['a path with a comma', { inventories: ['/tmp/a,b'] }, /a path with a comma/, null],
    ['a template among hosts', { inventories: ["{{ lookup('pipe','id') }},"] }, /template/, 0],
    ['no hosts', { inventories: [','] }, /empty name/, null],
    ['too much verbosity', { verbosity: 7 }, /from 0 to 6/, null],
    ['half a fork', { forks: 1.5 }, /whole number/, null],
    ['no fork', { forks: 0 }, /from 1 to 500/, null],
    ['no time', { timeoutSeconds: 0 }, /from 1 to 2592000/, null],
    ['a user without become', { becomeUser: 'root' }, /without "become"/, null],
    ['an option as a user', { remoteUser: '-oProxyCommand=id' }, /no name of a user/, null],
    ['a template as a user', { become: true, becomeUser: "{{ lookup('pipe','id') }}" }, /template/, 0],
    ['a path as a connection', { connection: '../evil' }, /no name of a plugin/, null],
    ['a list as a connection', { connection: 'ssh,local' }, /no name of a plugin/, null],
    ["another's key", { privateKeyFile: '~root/.ssh/id' }, /another user/, 0],
    ['a key in an unknown place', { privateKeyFile: '$HOME/id' }, /"\$"/, null],
    ['a file of variables outside', { extraVarsFiles: ['../a.yaml'] }, /outside/, null],
    ['"@" before a file of variables', { extraVarsFiles: ['@a.yaml'] }, /begins with "@"/, 0],
    ['a working folder outside', { workingFolder: '..' }, /outside/, null],
    ['a variable of Ansible', json({ ansible_connection: 'local' }), /Ansible's own/, null],
    ['the prefix alone', json({ ansible_: 'x' }), /Ansible's own/, null],
    ['one behind others', json({ a: 1, ansible_host: 'x' }), /"ansible_host" is one of Ansible's own/, null],
    ['the same in capitals', json({ ANSIBLE_become_exe: 'x' }), /Ansible's own/, null],
    ...OWN_NAMES.map((name): [string, Partial<RunParameters>, RegExp, null] => [
      name,
      json({ [name]: 1 }),
      /Ansible's own/,
      null,
    ]),
    ['a name that is none', json({ 'a b': 1 }), /no name of a variable/, null],
    ['__proto__ as NUL', json({ a: ['x\0'] }), /NUL/, null],
    ['half a character in a value', json({ a: [SURROGATE] }), /surrogate/, null],
    ['half a character in a key', json({ a: { [SURROGATE]: 1 } }), /surrogate/, null],
    ['10,001 values', json({ list: Array(10_000).fill(1) }), /10001 values/, null],
    ['22 levels', json(nested(22)), /nested more than 20/, expect.any(Number) as never],
    ['262,145 bytes', json({ a: 'x'.repeat(262_137) }), /take 262145 bytes; expected at most 262144/, null],
    ['300 kB in half as many characters', json({ a: 'é'.repeat(150_000) }), /take 300008 bytes/, null],
    ['what is no JSON', { extraVarsJson: '{"a": 01}' }, /Expected "}"/, 7],
    ['a list', { extraVarsJson: '[1]' }, /Expected an object/, 0],
    ['more digits than Python reads', { extraVarsJson: `{"x": ${'9'.repeat(4_301)}}` }, /4301 digits/, null],
  ])('refuses %s', (_, parameters, message, position) => {
    expect(issuesOf(parameters)).toEqual([
      { path: ['parameters', expect.any(String)], message: expect.stringMatching(message), position },
    ]);
  });
});

describe('parameters as they are given', () => {
  it('are stored in their shortest spelling', () => {
    expect(
      parametersOf({
        inventories: ['./inventory//prod/', 'web1, web2', '.'],
        extraVarsFiles: ['./vars/../a.yaml'],
        privateKeyFile: './keys/a',
        workingFolder: './',
      }),
    ).toEqual({
      ...NO_PARAMETERS,
      inventories: ['inventory/prod', 'web1,web2,', '.'],
      extraVarsFiles: ['a.yaml'],
      privateKeyFile: 'keys/a',
      workingFolder: '',
    });
  });

  it('change what is given, and clear what is null', () => {
    expect(changeOf({ limit: null, tags: null, verbosity: null, check: true })).toEqual({
      limit: null,
      tags: [],
      verbosity: 0,
      check: true,
    });
    expect(changeOf({ inventory: null })).toEqual({ inventories: [] });
    expect(changeOf({ inventory: 'a', extraVars: '{}' })).toEqual({
      inventories: ['a'],
      extraVarsJson: '{}',
    });
  });

  it('are refused under both of their names', () => {
    expect(() => changeOf({ inventory: 'a', inventories: ['b'] })).toThrow(/both given/);
    expect(() => changeOf({ extraVars: '{}', extraVarsJson: '{}' })).toThrow(/both given/);
  });
});

describe('the command', () => {
  it('holds each value in the token of its option, so that none can be an option itself', () => {
    const parameters: RunParameters = {
      inventories: ['hosts.ini', 'a,b,'],
      limit: 'a -e b',
      tags: ['x', 'y'],
      skipTags: ['z'],
      extraVarsJson: '{"a": 1}',
      extraVarsFiles: ['vars/a.yaml'],
      check: true,
      diff: true,
      become: true,
      becomeUser: 'postgres',
      remoteUser: 'deploy',
      connection: 'ssh',
      privateKeyFile: 'keys/a',
      verbosity: 2,
      forks: 3,
      timeoutSeconds: 60,
      workingFolder: 'site',
    };
    expect(ansibleArguments('site.yaml', parameters, '/p', ['--extra-vars=@/d/vars'])).toEqual([
      '--inventory=/p/hosts.ini',
      '--inventory=a,b,',
      '--limit=a -e b',
      '--tags=x,y',
      '--skip-tags=z',
      '--extra-vars=@/p/vars/a.yaml',
      '--check',
      '--diff',
      '--become',
      '--become-user=postgres',
      '--user=deploy',
      '--connection=ssh',
      '--private-key=/p/keys/a',
      '-vv',
      '--forks=3',
      '--extra-vars=@/d/vars',
      '/p/site.yaml',
    ]);
  });

  it('marks every text of the extra variables that could be a template, keys included, and keeps numbers', async () => {
    expect(
      await extraVarsFile(
        '{"a": "x{\\"\\n", "b": [1.0, null, 9007199254740993, {"c": "yes", "{{ d }}": "{{ e }}"}]}',
      ),
    ).toBe(
      '{? "a" : !unsafe "x{\\"\\n", ? "b" : [!!float "1.0", null, 9007199254740993, {? "c" : "yes", ? !unsafe "{{ d }}" : !unsafe "{{ e }}"}]}\n',
    );
    expect(await extraVarsFile('{}')).toBeNull();
    expect(await extraVarsFile(' {\n} ')).toBeNull();
  });
});
