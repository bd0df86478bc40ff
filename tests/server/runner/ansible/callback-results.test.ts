import { expect, it, vi } from 'vitest';
import { createRunResults } from '../../../../server/domain/results/run-results.ts';
import { byHost, printedRecap, runWithPlugin as run, told } from '../../../support/run-with-plugin.ts';

// real Ansible takes seconds, and many times as long beside other tests
vi.setConfig({ testTimeout: 120_000 });

it('results say what became of each task on each host, and count as PLAY RECAP does', async () => {
  const { all, log, results, events } = await run({
    'play.yaml': `- name: First
  hosts: all
  gather_facts: false
  tasks:
    - name: rescued
      block: [{ name: breaks, fail: { msg: first } }]
      rescue: [{ name: mends, debug: { msg: mended } }]
    - { name: only a, fail: { msg: on purpose }, when: inventory_hostname == 'a' }
    - { name: items, command: "{{ item }}", loop: ["true", "false"], ignore_errors: true, register: made, changed_when: item == 'true' }
    - { name: writes, copy: { content: "hello\\n", dest: "{{ playbook_dir }}/made-{{ inventory_hostname }}" }, diff: true, notify: hand }
    - { name: reads, include_tasks: more.yaml, loop: [1, 2] }
    - { meta: flush_handlers }
    - { name: again, command: "true", notify: hand }
  handlers:
    - { name: hand, debug: { msg: handled } }
`,
    'more.yaml': '- { name: inner, debug: { msg: "inner {{ item }}" } }\n',
  });
  expect(byHost(results.recap())).toEqual(byHost(printedRecap(log)));
  // the counts that are added up while it runs are the same
  const summed = createRunResults();
  summed.push(
    1,
    events.split('\n').filter((line) => !line.startsWith('{"kind": "recap"')),
  );
  expect(byHost(summed.recap())).toEqual(byHost(printedRecap(log)));
  expect(told(all)).toEqual(
    [
      ...['a', 'b', 'c'].flatMap((host) => [`breaks ${host} rescued`, `mends ${host} ok`]),
      ...['only a a failed', 'only a b skipped', 'only a c skipped'],
      ...[
        'items b changed [true]',
        'items b ignored [false]',
        'items b ignored',
        'items c unreachable',
        'items c unreachable [false]',
        'items c unreachable [true]',
      ],
      ...[
        'writes b changed',
        'reads b ok',
        'inner b ok',
        'inner b ok',
        'hand b ok',
        'again b changed',
        'hand b ok',
      ],
    ].sort(),
  );
  const [, second] = results.plays()[0]?.tasks.filter(({ name }) => name === 'hand') ?? [];
  expect(second).toMatchObject({ hosts: [{ host: 'b', ok: 1 }] });
  expect(results.failures()).toMatchObject([
    { hosts: ['a'], task: 'only a', message: 'on purpose', file: 'play.yaml', line: 8, status: 'failed' },
    {
      hosts: ['c'],
      task: 'items',
      status: 'unreachable',
      message: expect.stringMatching(/^ssh: .*Connection refused/) as string,
    },
  ]);
  expect(all.find(({ task }) => task === 'inner')).toMatchObject({
    play: 'First',
    action: 'ansible.builtin.debug',
    message: 'inner 1',
    file: 'more.yaml',
    line: 1,
  });
  expect(all.find(({ task }) => task === 'only a')?.startedAt?.getTime()).toBeGreaterThan(1e12);
});

it('each result knows its last line of the log, also behind lines that Sible splits', async () => {
  const { all, log } = await run({
    'play.yaml': `- hosts: a, b
  gather_facts: false
  tasks:
    - { name: long, debug: { msg: "{{ 'x' * 200000 }}" } }
    - { name: unicode, debug: { msg: "größe 日本 {{ inventory_hostname }}" } }
    - { name: multi, debug: { msg: ["one", "{{ inventory_hostname }}"] } }
`,
  });
  for (const { task, host, logLine } of all.filter(({ task }) => task !== 'long')) {
    // the default callback prints a result over several lines, and the last one closes it
    expect(log[(logLine ?? 0) - 1]).toBe('}');
    const printed = log.slice((logLine ?? 0) - 6, logLine ?? 0).join('\n');
    expect(printed, task).toContain(`[${host}]`);
  }
  expect(all.filter(({ task }) => task === 'long').map(({ message }) => message?.length)).toEqual([
    1_200, 1_200,
  ]);
});

it('batches, and strategies in which hosts overtake each other, give each result to its own task', async () => {
  const { all, results, log } = await run(
    {
      'play.yaml': `- hosts: a, b
  serial: 1
  gather_facts: false
  tasks:
    - { name: one, command: "true" }
    - { name: two, command: "true" }
- hosts: a, b
  strategy: free
  gather_facts: false
  tasks:
    - { name: slow on a, command: "sleep {{ 1 if inventory_hostname == 'a' else 0 }}" }
    - { name: three, command: "true" }
    - { name: four, command: "true" }
`,
    },
    '-f',
    '2',
  );
  expect(byHost(results.recap())).toEqual(byHost(printedRecap(log)));
  const names = ['one', 'two', 'slow on a', 'three', 'four'];
  expect(told(all)).toEqual(names.flatMap((name) => [`${name} a changed`, `${name} b changed`]).sort());
  expect(
    results.plays().map(({ tasks }) =>
      tasks.map(
        ({ name, hosts }) =>
          `${name}: ${hosts
            .map(({ host }) => host)
            .sort()
            .join()}`,
      ),
    ),
  ).toEqual([
    ['one: a', 'two: a'],
    ['one: b', 'two: b'],
    ['slow on a: a,b', 'three: a,b', 'four: a,b'],
  ]);
});

it('no argument, fact or hidden output is told, and a long diff is cut', async () => {
  const { events, all } = await run(
    {
      'play.yaml': `- hosts: a
  gather_facts: true
  vars: { secret: "PLANTED{{ 40 + 2 }}" }
  tasks:
    - { name: argument, command: "true", environment: { PASSWORD: "{{ secret }}" }, args: { creates: "/{{ secret }}" } }
    - { name: fact, set_fact: { hidden: "{{ secret }}" } }
    - { name: hidden, command: "echo {{ secret }}", no_log: true }
    - { name: hidden items, command: "echo {{ item }}", no_log: true, loop: ["{{ secret }}"] }
    - { name: hidden failure, command: "false {{ secret }}", no_log: true, ignore_errors: true }
    - { name: hidden diff, copy: { content: "{{ secret }}", dest: "{{ playbook_dir }}/x" }, no_log: true, diff: true }
    - { name: long, copy: { content: "{{ 'größe\\n' * 12000 }}", dest: "{{ playbook_dir }}/y" }, diff: true }
`,
    },
    '-e',
    'given=PLANTED-GIVEN',
  );
  expect(events).not.toContain('PLANTED');
  expect(events).not.toContain('ansible_kernel');
  expect(all.find(({ task }) => task === 'hidden failure')).toMatchObject({
    status: 'ignored',
    message: 'The output is hidden (no_log).',
  });
  expect(all.find(({ task }) => task === 'hidden diff')?.diffLines).toBeNull();
  const { diffLines } = all.find(({ task }) => task === 'long') ?? {};
  expect(diffLines).not.toBeNull();
  const diff = events
    .split('\n')
    .slice((diffLines?.from ?? 0) - 1, (diffLines?.from ?? 0) - 1 + (diffLines?.count ?? 0))
    .map((line) => (JSON.parse(line) as { text: string }).text)
    .join('');
  expect(Buffer.byteLength(diff)).toBeLessThanOrEqual(65_536);
  expect(Buffer.byteLength(diff)).toBeGreaterThan(65_000);
  expect(diff).toMatch(/^--- before\n\+\+\+ after/);
  expect(diff.trimEnd()).toMatch(/\[Sible: the diff is cut here; it has \d+ bytes\]$/);
  for (const line of events.split('\n')) expect(Buffer.byteLength(line)).toBeLessThan(65_536);
});

it('a run in check mode says what would change, what it cannot judge, and what really ran', async () => {
  const files = {
    'play.yaml': `- hosts: a, b
  gather_facts: false
  tasks:
    - { name: would change, copy: { content: "x\\n", dest: "{{ playbook_dir }}/made" }, when: inventory_hostname == 'a' }
    - { name: would change items, file: { path: "{{ playbook_dir }}/{{ item }}", state: touch }, loop: [p, q] }
    - { name: cannot be judged, command: "true" }
    - { name: cannot be judged either, shell: "true" }
    - { name: really runs, command: "true", check_mode: false }
    - { name: would be skipped, command: "true", check_mode: false, when: false }
`,
    'vars.yaml': 'b: c\n',
  };
  const { results, all, events } = await run(
    files,
    ...[
      '--check',
      '-e',
      'a=PLANTED',
      '-ea=PLANTED',
      '--extra-vars=a=PLANTED',
      '-e',
      '@vars.yaml',
      '--extra-vars=@vars.yaml',
    ],
  );
  expect(events).not.toContain('PLANTED');
  expect(results.drift()).toEqual({ hosts: ['a', 'b'], changes: 3, notChecked: 2, reallyRun: 1 });
  expect(all.find(({ task }) => task === 'cannot be judged')).toMatchObject({
    status: 'skipped',
    message: expect.stringContaining('check mode') as string,
  });
  expect(results.begin?.command.join(' ')).toMatch(
    /ansible-playbook -i hosts\.ini play\.yaml --check -e … -e… --extra-vars=… -e @vars\.yaml --extra-vars=@vars\.yaml$/,
  );
  expect((await run(files)).results.drift()).toBeNull();
});

it('of a loop with very many failed items the rest is counted', async () => {
  const { all, results } = await run({
    'play.yaml': `- hosts: a
  gather_facts: false
  tasks:
    - { name: many, fail: { msg: "no {{ item }}" }, loop: "{{ range(103) | list }}" }
`,
  });
  expect(all.filter(({ item }) => item !== null)).toHaveLength(100);
  expect(all.at(-1)).toMatchObject({
    item: null,
    status: 'failed',
    message: expect.stringMatching(/\(3 more of its items failed\)$/) as string,
  });
  expect(results.recap()).toMatchObject([{ host: 'a', failed: 1 }]);
});

const BREAKS = `from ansible.plugins.callback import CallbackBase
import sys
DOCUMENTATION = """
name: breaks
type: aggregate
short_description: breaks the other plugin
description: [breaks the other plugin]
options: {}
"""
def broken(*args):
    raise ValueError("PLANTED")
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "breaks"
    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.get_name() == "breaks":
            sys.modules["sible_results.results"].Results.result = broken
`;

it('a plugin that stops says so, without a word of what it stumbled over, and leaves the log alone', async () => {
  const { events, log, results, all } = await run({
    'ansible.cfg': '[defaults]\ncallback_plugins = .\n',
    'breaks.py': BREAKS,
    'play.yaml': `- hosts: a
  gather_facts: false
  tasks:
    - { name: before, command: "true" }
    - { name: breaks, command: "true" }
    - { name: after, command: "true" }
`,
  });
  expect(results.broken).toBe('ValueError in v2_runner_on_ok');
  expect(told(all)).toEqual(['before a changed']);
  expect(events).not.toContain('PLANTED');
  expect(log.join('\n')).toContain('TASK [after]');
  expect(log.join('\n')).not.toMatch(/sible|PLANTED|warning/i);
});
