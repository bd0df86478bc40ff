import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { extraVarsFile } from '../../../../server/runner/ansible/extra-vars-file.ts';
import { findAnsible } from '../../../support/ansible.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

/** Everything that could evaluate a text: as item, as key of a loop, through a fact, and in a text of its own. */
const PLAYBOOK = `
- hosts: localhost
  gather_facts: false
  connection: local
  tasks:
    - debug: { msg: "{{ item.key }} {{ item.value }}" }
      loop: "{{ users | dict2items }}"
    - debug: { msg: "{{ item.key }}" }
      with_dict: "{{ users }}"
    - debug: { var: users }
    - set_fact: { first: "{{ users.keys() | first }}" }
    - debug: { msg: "{{ first }} {{ texts }}" }
    - assert: { that: "filler | unique == [filler | first]", quiet: true }
    - debug: { msg: "GOT={{ [users, texts, filler | first, numbers] | to_json | b64encode }}=" }
`;
/** What YAML, Python or Ansible would make something else of. */
const TEXTS = [
  ...[
    '',
    '<<',
    '=',
    'null',
    '~',
    'yes',
    'true',
    '1.10',
    '9007199254740993',
    '0x1f',
    '1:30',
    '.inf',
    '!',
    '&',
    '*',
  ],
  ...[
    '2020-01-01',
    '2020-01-01T00:00:00Z',
    '!!int "1"',
    '? a',
    '- b',
    '# c',
    "'",
    '"',
    '\\',
    '%d',
    '@x',
    '`x`',
  ],
  ...[
    ' lead',
    'trail ',
    'two\nlines\r\n',
    '\u0085\u2028\u2029\u00a0',
    '\u007f\u009f\ufeff\ufffe',
    '😀',
    '$HOME',
    'key: value',
  ],
  // Python's "$" matches before a line end, too
  ...['1\n', '~\n', 'yes\n', '<<\n', '=\n', '2020-01-01\n', '.inf\n', '1:30\n'],
  ...['{', '{{', '{% raw %}', '{# c #}', '#jinja2: variable_start_string:"[["\n[[ 7 * 7 ]]'],
];
const NUMBERS =
  '[9007199254740993, 123456789012345678901234567890, 1.0, 1, 0.5, 1e5, 1E-7, -12, 0.1000000000000000055, 12345678901234567890.5]';

it('hands everything to Ansible as it was typed, and has nothing evaluated', async () => {
  const folder = await makeTempDir();
  try {
    const mark = join(folder.path, 'evaluated');
    const template = `{{ lookup('pipe', 'touch ${mark}') }}`;
    const keys = ['__proto__', 'constructor', ...TEXTS, template];
    const users = `{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(template)}`).join(',')}}`;
    // rewritten in several turns
    const filler = JSON.stringify(Array.from({ length: 120 }, () => TEXTS));
    const json = `{"filler": ${filler}, "users": ${users}, "texts": ${JSON.stringify([...TEXTS, template])}, "numbers": ${NUMBERS}}`;
    const vars = join(folder.path, 'vars.yml');
    const playbook = join(folder.path, 'site.yaml');
    writeFileSync(vars, (await extraVarsFile(json)) ?? '');
    writeFileSync(playbook, PLAYBOOK);

    const { stdout } = await promisify(execFile)(findAnsible(), [`--extra-vars=@${vars}`, playbook], {
      env: { ...process.env, LC_ALL: 'C.UTF-8', ANSIBLE_HOME: folder.path },
    });

    const got = Buffer.from(/GOT=(\S+)=/.exec(stdout)?.[1] ?? '', 'base64').toString();
    const numbers = /, (\[[^[\]]*\])\]$/.exec(got)?.[1];
    const [gotUsers, gotTexts, gotFiller] = JSON.parse(got);
    expect(Object.entries(gotUsers)).toEqual(Object.entries(JSON.parse(users)));
    expect(gotTexts).toEqual([...TEXTS, template]);
    expect(gotFiller).toEqual(TEXTS);
    expect(numbers).toBe(
      '[9007199254740993, 123456789012345678901234567890, 1.0, 1, 0.5, 100000.0, 1e-07, -12, 0.1, 1.2345678901234567e+19]',
    );
    expect(existsSync(mark)).toBe(false);
  } finally {
    await folder.remove();
  }
});
