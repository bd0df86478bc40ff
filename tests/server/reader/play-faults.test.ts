import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../server/domain/playbooks/playbook-check.ts';
import { pythonByVersion } from '../../../server/reader/python-engine.ts';
import { findAnsible } from '../../support/ansible.ts';
import { useReader } from '../../support/reader.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const PROGRAM = new URL('../../../scripts/try-repository/by_hand.py', import.meta.url).pathname;

/** Whether `ansible-playbook --syntax-check` accepts each. */
async function acceptedByHand(texts: readonly string[]): Promise<boolean[]> {
  const python = await pythonByVersion(findAnsible(), process.env);
  const folder = await makeTempDir();
  try {
    mkdirSync(join(folder.path, 'roles/r'), { recursive: true });
    writeFileSync(join(folder.path, 'other.yml'), '- hosts: all\n');
    writeFileSync(join(folder.path, 'other.json'), '{}');
    const names = texts.map((text, at) => {
      writeFileSync(join(folder.path, `${at}.yml`), text);
      return `${at}.yml`;
    });
    const { stdout } = spawnSync(python ?? '', [PROGRAM, 'syntax'], {
      cwd: folder.path,
      input: names.join('\n'),
      encoding: 'utf8',
    });
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).code === 0);
  } finally {
    await folder.remove();
  }
}

/** Each with the line that is at fault. */
const REFUSED: readonly (readonly [string, number])[] = [
  ['- hosts: all\n  taks: []\n', 2],
  ['- hosts: all\n  when: x\n', 2],
  ['- hosts: all\n- include: other.yml\n', 2],
  ['- hosts: all\n- name: no hosts\n  tasks: []\n', 2],
  ['- hosts: all\n- debug: {msg: a task}\n', 2],
  ['- hosts:\n', 1],
  ['- hosts: []\n', 1],
  ['- hosts: ""\n', 1],
  ['- hosts: 0\n', 1],
  ['- hosts: " "\n', 1],
  ['- hosts: [a, ""]\n', 1],
  ['- hosts: 5\n', 1],
  ['- hosts: {a: b}\n', 1],
  ['- hosts: [a, null]\n', 1],
  ['- hosts: [a, 1]\n', 1],
  ['- name: x\n  hosts:\n    - [a]\n', 2],
  ['- hosts: all\n  user: a\n  remote_user: b\n', 2],
  ['- hosts: all\n  5: x\n', 2],
  ['- hosts: all\n  vars: text\n', 2],
  ['- hosts: all\n  vars:\n    a-b: 1\n', 2],
  ['- hosts: all\n  vars: {1: x}\n', 2],
  ['- hosts: all\n  tags: {a: b}\n', 2],
  ['- hosts: all\n  tags: 5\n', 2],
  ['- import_playbook: [other.yml]\n', 1],
  ['- hosts: all\n- name: x\n  import_playbook:\n', 3],
  ['- hosts: all\n  vars: {"": x}\n', 2],
  ['- hosts: all\n  vars_prompt: [{prompt: x}]\n', 2],
  ['- hosts: all\n  vars_prompt: [x]\n', 2],
  ['- hosts: all\n  vars_prompt: x\n', 2],
  ['- hosts: all\n  vars_prompt: [{name: x, defualt: y}]\n', 2],
  ['- hosts: all\n  vars: {"True": x}\n', 2],
  ['- hosts: all\n\n  roles: r\n', 3],
  ['- hosts: all\n  roles: {role: r}\n', 2],
  ['- hosts: all\n  roles: [null]\n', 2],
  ['- hosts: all\n  roles: [1]\n', 2],
  ['- hosts: all\n  roles: [true]\n', 2],
  ['- hosts: all\n  tasks: text\n', 2],
  ['- hosts: all\n  tasks: {debug: {}}\n', 2],
  ['- hosts: all\n  pre_tasks: [text]\n', 2],
  ['- hosts: all\n  post_tasks: [null, 1]\n', 2],
  ['- hosts: all\n  handlers: [[]]\n', 2],
  ['- import_playbook: other.yml\n  hosts: all\n', 2],
  ['- import_playbook: other.yml\n  vars: [x]\n  gather_facts: false\n', 3],
  ['- import_playbook: other.yml\n  ansible.builtin.import_playbook: other.yml\n', 2],
  ['- hosts: all\n  name: [a]\n', 2],
  ['- hosts: all\n- hosts: all\n  name: {}\n', 3],
  ['- hosts: all\n  strategy: {a: b}\n', 2],
  ['- hosts: all\n  order: []\n', 2],
  ['- hosts: all\n  become_user: [root]\n', 2],
  ['- hosts: all\n  become_method: [sudo]\n', 2],
  ['- hosts: all\n  become_flags: [-n]\n', 2],
  ['- hosts: all\n  become_exe: {}\n', 2],
  ['- hosts: all\n  fact_path: []\n', 2],
  ['- hosts: all\n  connection: [local]\n', 2],
  ['- hosts: all\n  remote_user: {a: b}\n', 2],
  ['- hosts: all\n  user: [a]\n', 2],
  ['- hosts: all\n  debugger: []\n', 2],
  ['- import_playbook: other.yml\n  name: [a]\n', 2],
  ['- import_playbook: other.yml\n  connection: {a: b}\n', 2],
  ['- import_playbook: other.yml\n  tags:\n', 2],
  ['- import_playbook: other.yml\n  vars: {größe: 1}\n', 2],
  ['- import_playbook: other.yml\n  module_defaults: text\n', 2],
  ['- hosts: all\n  tags:\n', 2],
  ['- hosts: all\n  tags: 2020-01-01\n', 2],
  ['- hosts: all\n  tags: !!set {a}\n', 2],
  ['- hosts: all\n  collections: 5\n', 2],
  ['- hosts: all\n  collections: [[a.b]]\n', 2],
  ['- hosts: all\n  module_defaults: text\n', 2],
  ['- hosts: all\n  module_defaults: [a]\n', 2],
  ['- hosts: all\n  vars: {größe: 1}\n', 2],
  ['- hosts: all\n  vars: {变量: 1}\n', 2],
  ['- hosts: all\n  vars: {ａ: 1}\n', 2],
  ['- hosts: all\n  gather_facts: maybe\n', 2],
  ['- hosts: all\n  gather_facts: 5\n', 2],
  ['- hosts: all\n  gather_facts: [true]\n', 2],
  ['- hosts: all\n  force_handlers: {a: b}\n', 2],
  ['- hosts: all\n  gather_subset: [1]\n', 2],
  ['- hosts: all\n  gather_timeout: long\n', 2],
  ['- hosts: all\n  gather_timeout: [5]\n', 2],
  ['- hosts: all\n  max_fail_percentage: many\n', 2],
  ['- hosts: all\n  vars_files: {a: 1}\n', 2],
  ['- hosts: all\n  vars_files: [a.yml, 5]\n', 2],
  ['- hosts: all\n  vars_files: [[5, a.yml]]\n', 2],
  ['- hosts: all\n  vars_prompt: [{name: x, private: maybe}]\n', 2],
  ['- hosts: all\n  vars_prompt: [{name: x, confirm: }]\n', 2],
  ['- hosts: all\n  vars_prompt: [{name: [x]}]\n', 2],
];

const LOADED: readonly string[] = [
  '- hosts: all\n  tasks:\n    -\n    - debug:\n    -\n  handlers: [null]\n',
  '- hosts: all\n  vars: {class: x}\n  tags: a,b\n',
  '- hosts: all\n  user: a\n',
  '- hosts: [a, b]\n  name:\n',
  '- hosts: "{{ x | default(\\"a\\") }}"\n',
  '- hosts: all\n  vars:\n  vars_prompt:\n  roles:\n  tasks:\n  handlers:\n  pre_tasks:\n  post_tasks:\n',
  '- hosts: all\n  vars: {b: 1, _a: 2}\n',
  '- hosts: all\n  vars: !unsafe {a: "{{ x }}"}\n',
  '- hosts: all\n  vars_prompt: {name: x, prompt: y}\n',
  '- hosts: all\n  vars_prompt: [{name: x, prompt: y, default: z, private: true, confirm: true, encrypt: md5_crypt, salt_size: 8, salt: a, unsafe: true}]\n',
  '- hosts: all\n  roles: [r, {role: r, x: 1}, {name: r}]\n',
  '- hosts: all\n  tasks: [{block: [{debug: {}}], rescue: [{debug: {}}]}]\n',
  '- &a {hosts: all}\n- <<: *a\n  name: merged\n',
  '- hosts: all\n  strategy: free\n  serial: [1, 50%]\n  order: shuffle\n  max_fail_percentage: 5\n  any_errors_fatal: true\n  gather_facts: false\n  gather_subset: [min]\n  gather_timeout: 5\n  fact_path: /x\n  force_handlers: true\n  vars_files: [a.yml]\n  collections: [a.b]\n  module_defaults: {}\n  environment: {}\n  become: true\n  become_user: a\n  become_method: sudo\n  become_flags: -n\n  become_exe: sudo\n  check_mode: true\n  diff: true\n  no_log: true\n  run_once: true\n  ignore_errors: true\n  ignore_unreachable: true\n  throttle: 1\n  timeout: 5\n  debugger: never\n  connection: local\n  port: 22\n  tags: [a]\n',
  '- import_playbook: other.yml\n  name: x\n  when: true\n  tags: a\n  vars: {a: 1}\n  become: true\n  environment: {}\n  connection: local\n  remote_user: a\n',
  '- ansible.legacy.import_playbook: other.yml\n',
  '[{"hosts": "all",\t"tasks": null}]',
  '- hosts: all\n  name: 5\n  strategy: linear\n  order: true\n  connection:\n  remote_user: 2020-01-01\n  become_user: 0\n',
  '- hosts: all\n  gather_facts: " YES "\n  force_handlers: 0.0\n  gather_timeout: " 5 "\n  max_fail_percentage: "50%"\n',
  '- hosts: all\n  gather_facts: "{{ false }}"\n  force_handlers: "{% if true %}on{% endif %}"\n  gather_timeout: "{{ 5 }}"\n  max_fail_percentage: "{{ 5 }}"\n',
  '- hosts: all\n  gather_facts: 1\n  force_handlers:\n  gather_timeout:\n  max_fail_percentage: true\n  gather_subset: all\n',
  '- hosts: all\n  vars_files: []\n  tags: []\n  collections: a.b\n  module_defaults: [{}, {}]\n  serial: {a: b}\n  become: maybe\n',
  '- hosts: all\n  vars_files: [[other.json, 5], [], absent.yml]\n',
  '- hosts: all\n  vars_prompt: [{name: größe, private: "no", default: x}, {name: 5, confirm: "{{ false }}", default: x}]\n',
  '- hosts: all\n  name: !unsafe "{{ x }}"\n  tags: !unsafe a\n',
];

// Ansible itself looks at a hundred playbooks
describe('what keeps Ansible from loading a play', { timeout: 300_000 }, () => {
  const reader = useReader();

  it('is refused as Ansible refuses it, with its line', async () => {
    const texts = REFUSED.map(([text]) => text);
    const byHand = await acceptedByHand(texts);
    const ours = await Promise.all(texts.map(async (text) => reader.read(Buffer.from(text), false)));
    for (const [at, [text, line]] of REFUSED.entries()) {
      const verdict = ours[at] ?? { kind: 'unknown' };
      expect([text, byHand[at]]).toEqual([text, false]);
      expect([text, verdict]).toEqual([
        text,
        expect.objectContaining({ kind: 'playbook', playFault: expect.objectContaining({ line }) }),
      ]);
      expect(faultOf(verdict)?.problem).toContain(`cannot load the playbook at line ${line}: `);
    }
  });

  it('is nothing where Ansible finds nothing', async () => {
    const byHand = await acceptedByHand(LOADED);
    for (const [at, text] of LOADED.entries()) {
      const verdict = await reader.read(Buffer.from(text), false);
      expect([text, byHand[at], faultOf(verdict)]).toEqual([text, true, null]);
    }
  });

  it('is left to Ansible where it is found only after other plays have run', async () => {
    for (const first of ['hosts: localhost', 'import_playbook: other.yml'])
      for (const fault of ['gather_facts: maybe', 'vars_files: 5', 'vars_prompt: [{name: [x]}]']) {
        const text = `- ${first}\n- hosts: all\n  ${fault}\n`;
        expect([text, faultOf(await reader.read(Buffer.from(text), false))]).toEqual([text, null]);
      }
  });

  it('says where it is, as JavaScript counts', async () => {
    const lead = '- hosts: "😀"\r\n  ';
    const verdict = await reader.read(Buffer.from(`${lead}taks: []\r\n`), false);
    expect(faultOf(verdict)).toEqual({
      problem: 'Ansible cannot load the playbook at line 2: "taks" is no keyword of a play.',
      position: lead.length,
    });
  });
});
