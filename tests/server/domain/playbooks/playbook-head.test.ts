import { expect, it } from 'vitest';
import { judgeHead } from '../../../../server/domain/playbooks/playbook-head.ts';

const BREAKS = { LF: '\n', CR: '\r', CRLF: '\r\n', NEL: '\u0085', LS: '\u2028', PS: '\u2029' };
const judge = (text: string | Buffer) => judgeHead(Buffer.from(text as string), true);

it.each(Object.entries(BREAKS))('a playbook is one with %s at the end of its lines', (_name, end) => {
  for (const lines of [
    ['# hello', '- hosts: localhost', '  tasks: []', ''],
    ['---', '- hosts: localhost', ''],
    ['%YAML 1.1', '---', '', '-', '  name: x', '  hosts: all'],
    ['---', '# note', '- name: x', '  "hosts" : all', ''],
    ['\ufeff# note', '- name: "é"', "- 'import_playbook': x.yml"],
  ])
    expect([lines, judge(lines.join(end))]).toEqual([lines, 'likely']);
  for (const lines of [
    ['# - hosts: all', 'a: 1', ''],
    ['hosts:', '- hosts: all'],
    ['---', '# hosts', ''],
  ])
    expect([lines, judge(lines.join(end))]).toEqual([lines, 'no']);
  expect(judge(['- name: x', '  debug: {msg: hosts}'].join(end))).toBe('maybe');
});

it.each(['utf16le', 'utf16be'])(
  'a playbook in %s, which Ansible does not read, looks like one',
  (encoding) => {
    const bytes = Buffer.from('\ufeff# é\r\n- hosts: all\r\n', 'utf16le');
    expect(judge(encoding === 'utf16le' ? bytes : bytes.swap16())).toBe('likely');
  },
);

it('only the whole text can tell that nothing follows', () => {
  const head = Buffer.from('# long\n');
  expect([judgeHead(head, true), judgeHead(head, false)]).toEqual(['no', 'maybe']);
});
