import { describe, expect, it } from 'vitest';
import { NO_PARAMETERS, type RunParameters } from '../../../server/domain/run.ts';
import { checkRunParameters } from '../../../server/domain/run-parameters.ts';
import { ansibleArguments, extraVarsFile } from '../../../server/runner/ansible-command.ts';

const issuesOf = (parameters: Partial<RunParameters>) =>
  checkRunParameters({ ...NO_PARAMETERS, ...parameters });

function nested(depth: number): Record<string, unknown> {
  let value: Record<string, unknown> = {};
  for (let n = 1; n < depth; n += 1) value = { inner: value };
  return value;
}

describe('checkRunParameters', () => {
  it.each<[string, Partial<RunParameters>]>([
    ['nothing', {}],
    ['a host pattern', { limit: 'web*:!web1:&prod,~db[0-9]+' }],
    ['1,000 characters of limit', { limit: 'x'.repeat(1_000) }],
    ['tags', { tags: ['a', 'b c'], skipTags: ['never'] }],
    ['100 tags', { tags: Array(100).fill('a') }],
    ['an inventory inside', { inventory: 'inventory/hosts.ini' }],
    ['the limits of numbers', { verbosity: 6, forks: 500 }],
    ['templates, which are texts', { extraVars: { text: "{{ lookup('pipe', 'id') }}" } }],
    ['10,000 values', { extraVars: { list: Array(9_999).fill(1) } }],
    ['20 levels', { extraVars: nested(20) }],
  ])('has nothing against %s', (_, parameters) => {
    expect(issuesOf(parameters)).toEqual([]);
  });

  it.each<[string, Partial<RunParameters>, RegExp, number | null]>([
    ['an empty limit', { limit: '  ' }, /empty/, null],
    ['an option', { limit: '-vvv' }, /begin with "-"/, 0],
    ['a file', { limit: '@/etc/passwd' }, /begin with "@"/, 0],
    ['a file later on', { limit: 'web, @/etc/passwd' }, /begin with "@"/, 5],
    ['a line end', { limit: 'web\n-e' }, /control/, 3],
    ['1,001 characters of limit', { limit: 'x'.repeat(1_001) }, /longer than 1000/, null],
    ['101 tags', { tags: Array(101).fill('a') }, /101 tags/, null],
    ['a tag that is two', { skipTags: ['a,b'] }, /comma/, null],
    ['a tag that is an option', { tags: ['--help'] }, /begins with "-"/, null],
    ['an absolute inventory', { inventory: '/etc/passwd' }, /outside/, null],
    ['an inventory outside', { inventory: 'a/../../b' }, /outside/, null],
    ['a list of hosts', { inventory: 'localhost,' }, /comma/, null],
    ['too much verbosity', { verbosity: 7 }, /from 0 to 6/, null],
    ['half a fork', { forks: 1.5 }, /whole number/, null],
    ['no fork', { forks: 0 }, /from 1 to 500/, null],
    ['a variable of Ansible', { extraVars: { ansible_connection: 'local' } }, /Ansible's own/, null],
    ['the same in capitals', { extraVars: { ANSIBLE_become_exe: 'x' } }, /Ansible's own/, null],
    ['a name that is none', { extraVars: { 'a b': 1 } }, /no name of a variable/, null],
    ['NUL', { extraVars: { a: ['x\0'] } }, /NUL/, null],
    ['10,001 values', { extraVars: { list: Array(10_000).fill(1) } }, /10001 values/, null],
    ['22 levels', { extraVars: nested(22) }, /nested more than 20/, null],
    ['300 kB', { extraVars: { a: 'x'.repeat(300_000) } }, /at most 262144/, null],
  ])('refuses %s', (_, parameters, message, position) => {
    expect(issuesOf(parameters)).toEqual([
      { path: ['parameters', expect.any(String)], message: expect.stringMatching(message), position },
    ]);
  });
});

describe('the command', () => {
  const paths = { playbooksDir: '/p', dataDir: '/d', extraVars: null };

  it('holds each value in the token of its option, so that none can be an option itself', () => {
    const parameters = {
      ...NO_PARAMETERS,
      inventory: 'hosts.ini',
      limit: 'a -e b',
      tags: ['x', 'y'],
      skipTags: ['z'],
      check: true,
      diff: true,
      forks: 3,
      verbosity: 2,
    };
    expect(ansibleArguments('site.yaml', parameters, { ...paths, extraVars: '/d/vars' })).toEqual([
      '--inventory=/p/hosts.ini',
      '--limit=a -e b',
      '--tags=x,y',
      '--skip-tags=z',
      '--extra-vars=@/d/vars',
      '--check',
      '--diff',
      '--forks=3',
      '-vv',
      '/p/site.yaml',
    ]);
  });

  it('marks every text of the extra variables as unsafe, however deep', () => {
    expect(extraVarsFile({ a: 'x"\n', b: [1, null, { c: true, d: '{{ e }}' }] })).toBe(
      '{? "a" : !unsafe "x\\"\\n", ? "b" : [1, null, {? "c" : true, ? "d" : !unsafe "{{ e }}"}]}\n',
    );
  });
});
