import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf, type PlaybookVerdict } from '../../../server/domain/playbooks/playbook-check.ts';
import type { PlaybookReader } from '../../../server/reader/reader.ts';
import { findAnsible } from '../../support/ansible.ts';
import { useReader, withReaderOf } from '../../support/reader.ts';
import { watchStalls } from '../../support/stalls.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const MIB = 1_048_576;
const LIST = {
  isEmpty: false,
  prompts: [],
  imports: [],
  otherLine: null,
  otherPosition: null,
  playFault: null,
};

const verdictsOf = async (reader: PlaybookReader, texts: readonly (string | Buffer)[]) =>
  Promise.all(texts.map((text) => reader.read(Buffer.from(text as string), false)));

describe('the reader with Ansible’s Python', () => {
  const reader = useReader();

  it('accepts what Ansible accepts, also where stricter parsers do not', async () => {
    const texts = [
      '- hosts: "a\n  b"\n  name: "continued\n  here"\n',
      '- hosts: all\n  tasks:\n  - name: at the column of its key\n',
      '- hosts:\tall\n',
      '- hosts: all\n  hosts: twice\n',
      '\ufeff- hosts: all\n',
      '- hosts: all\n  vars: {a: !vault "x", b: !unsafe "{{ x }}", c: !vault-encrypted y}\n',
      '[{"hosts": "all",\t"tasks": []}]',
      '[{"hosts": "all", "vars": {"whole": "\\ud83d\\ude00"}}]',
      '- &a {hosts: all}\n- *a\n',
      '- hosts: all\n  vars:\n    <<: {a: 1}\n',
      '- hosts: all\r\n  name: x\r\n',
      '--- # note\n- import_playbook: a.yml\n...\n',
    ];
    for (const verdict of await verdictsOf(reader, texts))
      expect([verdict, faultOf(verdict)]).toEqual([expect.objectContaining({ kind: 'playbook' }), null]);
  });

  it('tells what is no playbook from what is none yet', async () => {
    const [tasks, mapping, scalar, empty, vault] = await verdictsOf(reader, [
      '- name: x\n  debug:\n',
      'a: 1\nb: 2\n',
      'text',
      '# nothing\n',
      '$ANSIBLE_VAULT;1.1;AES256\n3132\n',
    ]);
    const playFault = { problem: '"debug" is no keyword of a play', line: 2, position: 12 };
    expect(tasks).toEqual({ kind: 'list', ...LIST, playFault });
    expect(mapping).toEqual({ kind: 'mapping', names: ['a', 'b'] });
    expect([scalar, empty, vault]).toEqual([{ kind: 'scalar' }, { kind: 'empty' }, { kind: 'vault' }]);
  });

  it.each([
    ['- hosts: all\n- "never closed\n', 3],
    ['- hosts: {{ where }}\n', 1],
    ['- hosts: all\n\tname: x\n', 2],
    ['- hosts: !unknown x\n', 1],
    ['- hosts: all\n---\n- hosts: b\n', 2],
    ['- hosts: *nowhere\n', 1],
    ['[{"hosts": "all",\n"vars": {"half": "\\ud83d"}}]', 2],
  ])('refuses what Ansible refuses, with its line: %j', async (text, line) => {
    expect(await reader.read(Buffer.from(text), false)).toMatchObject({ kind: 'broken', line });
  });

  it('counts positions as JavaScript does', async () => {
    const lead = '- name: 😀 größe\r\n  hosts: 😀 ';
    const verdict = await reader.read(Buffer.from(`${lead}]: {\n`), false);
    expect(verdict).toMatchObject({ kind: 'broken' });
    const other = await reader.read(Buffer.from('- hosts: 😀\n\n- text\n'), false);
    expect(other).toMatchObject({ kind: 'playbook', otherLine: 3, otherPosition: 13 });
    const latin = await reader.read(Buffer.from('- hosts: 😀\n- name: gr\u00f6\u00dfe', 'latin1'), false);
    expect(latin).toMatchObject({ kind: 'broken', problem: 'It is not UTF-8 text' });
  });

  it('finds prompts and imports however they are written', async () => {
    const text = `- ansible.builtin.import_playbook: "{{ which }}.yml"
  vars: { which: a, list: [1] }
- ansible.legacy.import_playbook: b.yml
- hosts: all
  vars_prompt:
    name: one
    prompt: as one mapping
- hosts: all
  vars_prompt:
    - { name: two, default: null }
    - { name: three, default: "" }
    - &p { name: four }
- hosts: all
  vars_files: one.yml
  vars_prompt: [*p]
- hosts: all
  vars_files: [one.yml, [two.yml, three.yml], 5, [6], {a: b}, [[four.yml]], ""]
  vars_prompt: [*p, { name: five, default: x }, { name: six, encrypt: sha512_crypt }]
`;
    expect(await reader.read(Buffer.from(text), false)).toEqual({
      kind: 'playbook',
      ...LIST,
      imports: [
        { file: '{{ which }}.yml', vars: { which: 'a' } },
        { file: 'b.yml', vars: {} },
      ],
      prompts: [
        { name: 'one', hasDefault: false, varsFiles: [] },
        { name: 'two', hasDefault: false, varsFiles: [] },
        { name: 'three', hasDefault: true, varsFiles: [] },
        { name: 'four', hasDefault: false, varsFiles: [] },
        { name: 'four', hasDefault: false, varsFiles: [['one.yml']] },
        { name: 'four', hasDefault: false, varsFiles: [['one.yml'], ['two.yml', 'three.yml']] },
        { name: 'five', hasDefault: true, varsFiles: [] },
        { name: 'six', hasDefault: false, varsFiles: [] },
      ],
    });
  });

  it('answers in bounded time whatever a megabyte is made of, and then goes on', async () => {
    const bomb = ['- a0: &a0 {x: 1}'];
    for (let n = 1; n < 30; n += 1)
      bomb.push(
        `  a${n}: &a${n} {<<: [${Array(8)
          .fill(`*a${n - 1}`)
          .join()}]}`,
      );
    const merges = ['- k0: &k0 {a: 1, b: 2}'];
    for (let n = 1; n < 24; n += 1) merges.push(`  k${n}: &k${n} {<<: [*k${n - 1}, *k${n - 1}], c${n}: 1}`);
    const texts = [
      `- ${']'.repeat(MIB - 2)}`,
      `- [${'{},'.repeat(MIB / 3 - 2)}]`,
      `- ${'!a '.repeat(MIB / 3 - 1)}`,
      '---\n'.repeat(MIB / 4),
      '? '.repeat(MIB / 2),
      '['.repeat(MIB),
      `- ${'1:'.repeat(MIB / 2 - 2)}1`,
      `- ${'9'.repeat(MIB - 2)}`,
      `- a: b\n${'\n'.repeat(MIB - 20)}\t]`,
      `- ${'"a": '.repeat(MIB / 5 - 2)}`,
      bomb.join('\n'),
      merges.join('\n'),
    ];
    const contents = texts.map((text) => Buffer.from(text));
    const stall = watchStalls();
    for (const bytes of contents) {
      const begun = performance.now();
      const verdict: PlaybookVerdict = await reader.read(bytes, false);
      expect([bytes.toString('latin1', 0, 20), verdict.kind]).toEqual([
        expect.anything(),
        expect.stringMatching(/^(broken|heavy|unknown|list)$/),
      ]);
      expect(performance.now() - begun).toBeLessThan(8_000);
    }
    expect(stall.end()).toBeLessThan(50);
    expect(await reader.read(Buffer.from('- hosts: all\n'), false)).toEqual({
      kind: 'playbook',
      ...LIST,
    });
  }, 120_000);

  it('does not let what is only looked at keep a run waiting', async () => {
    const heavy = Buffer.from(`- ${'1:'.repeat(MIB / 2 - 2)}1`);
    // closed as soon as the run has its answer, for looking at the other takes seconds
    await withReaderOf(findAnsible(), async (own) => {
      // both lanes have their process
      await Promise.all([true, false].map((isUrgent) => own.read(Buffer.from('a'), isUrgent)));
      let isDone = false;
      void own.read(heavy, false).then(() => {
        isDone = true;
      });
      expect(await own.read(Buffer.from('- hosts: all\n'), true)).toMatchObject({ kind: 'playbook' });
      expect(isDone).toBe(false);
    });
  });
});

describe('the Python of Ansible', () => {
  const VALID_ONLY_THERE = Buffer.from(
    '- hosts: all\n  vars: {a: "x\n  y", "b":\t1}\n  tasks:\n\t\n  - x: 1\n',
  );

  it.each([
    ['by a link', (program: string, at: string) => symlinkSync(program, at)],
    [
      'by what a wrapper says of its version',
      (program: string, at: string) => writeFileSync(at, `#!/bin/sh\nexec ${program} "$@"\n`),
    ],
    [
      'by the second line that pip writes',
      (program: string, at: string) =>
        writeFileSync(
          at,
          `#!/bin/sh\n'''exec' "${join(program, '..', 'python')}" "$0" "$@"\n' '''\nraise SystemExit(1)\n`,
        ),
    ],
  ])('is found %s', async (_how, make) => {
    const { path, remove } = await makeTempDir();
    const at = join(path, 'ansible-playbook');
    make(findAnsible(), at);
    if (!_how.includes('link')) chmodSync(at, 0o755);
    await withReaderOf(at, async (reader, warnings) => {
      expect((await reader.read(VALID_ONLY_THERE, false)).kind).toMatch(/playbook|broken/);
      expect(warnings).toEqual([]);
    });
    await remove();
  });

  it('is replaced by our own parser, in a thread, where it is missing', async () => {
    const { path, remove } = await makeTempDir();
    mkdirSync(join(path, 'bin'));
    await withReaderOf(join(path, 'bin/ansible-playbook'), async (reader, warnings) => {
      expect(await reader.read(Buffer.from('- hosts: all\n  vars_prompt: {name: x}\n'), false)).toEqual({
        kind: 'playbook',
        ...LIST,
        prompts: [{ name: 'x', hasDefault: false, varsFiles: [] }],
      });
      expect(await reader.read(Buffer.from('- hosts: all\n- "never\n'), false)).toMatchObject({
        kind: 'broken',
        line: expect.any(Number),
      });
      const begun = performance.now();
      expect((await reader.read(Buffer.from(`- ${']'.repeat(MIB - 2)}`), false)).kind).toMatch(
        /broken|heavy|unknown/,
      );
      expect(performance.now() - begun).toBeLessThan(8_000);
      expect((await reader.read(Buffer.from('- hosts: all\n'), false)).kind).toBe('playbook');
      expect(warnings).toEqual([expect.stringContaining('parser of our own')]);
    });
    await remove();
  });
});
