import { describe, expect, it } from 'vitest';
import { checkPlaybookPath, isPlaybookPath } from '../../../server/domain/playbook.ts';
import {
  checkPlaybookText,
  importedPlaybooks,
  requiredPrompts,
} from '../../../server/domain/playbook-check.ts';

describe('checkPlaybookPath', () => {
  it.each(['site.yaml', 'a/b/c.yml', 'größe 日本.yaml', 'a.b.yaml', 'a/..b.yaml'.replace('..', 'x')])(
    'accepts %j',
    (path) => {
      expect(checkPlaybookPath(path)).toBeNull();
    },
  );

  it.each([
    ['', /empty/, null],
    ['/etc/passwd.yaml', /absolute/, 0],
    ['../x.yaml', /leaves/, 0],
    ['a/../../x.yaml', /leaves/, 2],
    ['a//x.yaml', /empty part/, 2],
    ['./x.yaml', /leaves/, 0],
    ['.git/config.yaml', /begins with "\."/, 0],
    ['a/-e.yaml', /begins with "-"/, 2],
    ['~/x.yaml', /begins with "~"/, 0],
    ['a\\b.yaml', /backslash/, 1],
    ['a\0.yaml', /control character/, 1],
    ['a\n.yaml', /control character/, 1],
    ['a\u202e.yaml', /not allowed/, 1],
    ['a\ud800.yaml', /not allowed/, 1],
    [' x.yaml', /blank/, 0],
    ['x.yaml/', /empty part/, 7],
    ['x.yaml.txt', /does not end/, 10],
    ['x.YAML', /does not end/, 6],
    [`${'x'.repeat(251)}.yaml`, /longer than 255 bytes/, 0],
    [`${'a/'.repeat(10)}x.yaml`, /folders deep/, null],
    [`${'x'.repeat(600)}.yaml`, /longer than 500/, null],
  ])('refuses %j', (path, message, position) => {
    expect(checkPlaybookPath(path)).toEqual({ message: expect.stringMatching(message), position });
  });

  it('takes dots that are written otherwise for what they are: part of a name', () => {
    expect(checkPlaybookPath('..%2fx.yaml')).toMatchObject({ position: 0 });
    expect(checkPlaybookPath('a%2f..%2fx.yaml')).toBeNull();
    expect(checkPlaybookPath('\uff0e\uff0e/x.yaml')).toBeNull();
  });
});

describe('isPlaybookPath', () => {
  it.each([
    ['site.yaml', true],
    ['web/site.yml', true],
    ['roles/web/tasks/main.yml', false],
    ['group_vars/all.yml', false],
    ['requirements.yml', false],
    ['.github/ci.yml', false],
    ['ansible.cfg', false],
  ])('%s: %s', (path, expected) => {
    expect(isPlaybookPath(path)).toBe(expected);
  });
});

describe('checkPlaybookText', () => {
  it.each([
    '- hosts: all\n',
    '---\n# note\n- import_playbook: a.yaml\n',
    '- hosts: all\n  vars: { key: !vault "x", other: !unsafe "{{ x }}" }\n',
    '[]',
    '\ufeff- hosts: all\n',
    '- hosts: all\n  hosts: none\n',
    '- &play { hosts: all }\n- *play\n',
  ])('has nothing against %j', (text) => {
    expect(checkPlaybookText(text)).toBeNull();
  });

  it.each([
    ['', /empty/, 1],
    ['# only a comment\n', /empty/, 1],
    ['hosts: all\n', /list of plays/, 1],
    ['plain text', /list of plays/, 1],
    ['- hosts: all\n- "never closed\n', /not valid YAML at line/, expect.any(Number)],
    ['- hosts: all\n\tname: tab\n', /not valid YAML at line 2/, 2],
    ['- a: 1\n---\n- b: 2\n', /several/, undefined],
    ['- hosts: all\n- ping\n', /line 2 is none/, 2],
    ['- hosts: all\n\n- [nested]\n', /line 3 is none/, 3],
    ['- hosts: all\n-\n', /is none/, expect.any(Number)],
  ])('says what is wrong with %j', (text, problem, line) => {
    expect(checkPlaybookText(text)).toEqual({
      problem: expect.stringMatching(problem),
      ...(line === undefined ? {} : { line }),
    });
  });

  it('is not brought down by depth or by a bomb of aliases', () => {
    expect(checkPlaybookText('['.repeat(100_000))).toMatchObject({
      problem: 'The playbook is nested 100000 deep; expected at most 200.',
    });
    expect(checkPlaybookText('- '.repeat(500_000))).toMatchObject({
      problem: 'The playbook is nested 500000 deep; expected at most 200.',
    });
    expect(checkPlaybookText(`- hosts: all\n# ${'-'.repeat(500)}\n# ${'- '.repeat(190)}\n`)).toBeNull();
    const bomb = ['- a0: &a0 [x]'];
    for (let n = 1; n < 40; n += 1) bomb.push(`  a${n}: &a${n} [*a${n - 1}, *a${n - 1}, *a${n - 1}]`);
    expect(checkPlaybookText(bomb.join('\n'))).toBeNull();
  });
});

describe('prompts and imports', () => {
  const text = `- import_playbook: other.yaml
- ansible.builtin.import_playbook: third.yaml
- hosts: all
  vars_prompt:
    - { name: answered, prompt: a }
    - { name: defaulted, prompt: b, default: "" }
    - { name: open, prompt: c }
`;
  it('names prompts that nobody answers', () => {
    expect(requiredPrompts(text, { answered: 1, unrelated: 2 })).toEqual(['open']);
    expect(requiredPrompts(text, {})).toEqual(['answered', 'open']);
    expect(requiredPrompts('- vars_prompt: nonsense\n', {})).toEqual([]);
    expect(requiredPrompts('{{{', {})).toEqual([]);
  });

  it('names imported playbooks', () => {
    expect(importedPlaybooks(text)).toEqual(['other.yaml', 'third.yaml']);
  });
});
