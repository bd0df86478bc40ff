import { expect, it, vi } from 'vitest';
import { createRunResults } from '../../../../server/domain/results/run-results.ts';
import { byHost, printedRecap, runWithPlugin, told } from '../../../support/run-with-plugin.ts';

// real Ansible takes seconds, and many times as long beside other tests
vi.setConfig({ testTimeout: 120_000 });

const MORE = '- { name: inner, debug: { msg: inner } }\n';

/** What Ansible does in ways of its own; each is run with our plugin and without it. */
const KINDS: readonly [name: string, play: string, expected: readonly string[]][] = [
  [
    'an action and a name that are templates',
    `- hosts: a, b
  gather_facts: false
  tasks:
    - { set_fact: { way: "{{ 'debug' if inventory_hostname == 'a' else 'ping' }}" } }
    - { name: "on {{ inventory_hostname }}", action: { module: "{{ way }}" } }
`,
    ['on a a ok', 'on a b ok', 'set_fact a ok', 'set_fact b ok'],
  ],
  [
    'handlers flushed in a block that is rescued',
    `- hosts: a
  gather_facts: false
  tasks:
    - block:
        - { name: tells, command: "true", notify: breaks }
        - { meta: flush_handlers }
      rescue: [{ name: mends, debug: { msg: mended } }]
      always: [{ name: last, debug: { msg: last } }]
  handlers:
    - { name: breaks, fail: { msg: broken } }
`,
    ['breaks a rescued', 'last a ok', 'mends a ok', 'tells a changed'],
  ],
  [
    'an unreachable host that is ignored, and hosts that leave',
    `- hosts: all
  gather_facts: false
  tasks:
    - { name: reach, ping: {}, ignore_unreachable: true }
    - { meta: end_host, when: inventory_hostname == 'b' }
    - { name: after, debug: { msg: after } }
`,
    [
      'after a ok',
      'after c ok',
      'meta a skipped',
      'meta c skipped',
      'reach a ok',
      'reach b ok',
      'reach c ignored',
    ],
  ],
  [
    'a failure that ends the play for all, in a batch',
    `- hosts: a, b
  gather_facts: false
  any_errors_fatal: true
  tasks:
    - { name: fatal, fail: { msg: no }, when: inventory_hostname == 'a' }
    - { name: never, debug: { msg: never } }
`,
    ['fatal a failed', 'fatal b skipped'],
  ],
  [
    'includes, one of a file that is missing',
    `- hosts: a
  gather_facts: false
  tasks:
    - { name: reads, include_tasks: more.yaml }
    - { import_tasks: more.yaml }
    - { name: missing, include_tasks: nowhere.yaml, ignore_errors: true }
    - { name: never, debug: { msg: never } }
`,
    ['inner a ok', 'inner a ok', 'missing a failed', 'missing a ok', 'reads a ok'],
  ],
  [
    'a task that is tried again, waits, or is run once or elsewhere',
    `- hosts: a, b
  gather_facts: false
  tasks:
    - { name: again, command: "false", register: it, until: it.rc == 0, retries: 1, delay: 0, ignore_errors: true }
    - { name: waits, command: "true", async: 300, poll: 1, changed_when: false, vars: { ansible_async_dir: "{{ playbook_dir }}/.async" } }
    - { name: once, debug: { msg: once }, run_once: true }
    - { name: elsewhere, command: "true", delegate_to: b, changed_when: false }
`,
    [
      ...['again a ignored', 'again b ignored', 'elsewhere a ok', 'elsewhere b ok'],
      ...['once a ok', 'waits a ok', 'waits b ok'],
    ],
  ],
  [
    'hosts and groups that the playbook makes',
    `- hosts: a
  gather_facts: false
  tasks:
    - { name: adds, add_host: { name: new, groups: made, ansible_connection: local } }
    - { name: groups, group_by: { key: "of_{{ inventory_hostname }}" } }
- hosts: made, of_a
  gather_facts: false
  tasks:
    - { name: here, debug: { msg: here } }
`,
    ['adds a changed', 'groups a changed', 'here a ok', 'here new ok'],
  ],
];

// one after the other in each run, so that both print in one order
const WORDS = ['-f', '1'];

it.each(KINDS)(
  '%s: results are those of PLAY RECAP, and the log is as without them',
  async (_name, play, expected) => {
    const { all, results, log, events, bare } = await runWithPlugin(
      { 'play.yaml': play, 'more.yaml': MORE },
      ...WORDS,
    );
    expect(results.broken).toBeNull();
    expect(results.isEnded).toBe(true);
    expect(told(all)).toEqual([...expected].sort());
    const printed = printedRecap(log);
    expect(printed.length).toBeGreaterThan(0);
    expect(byHost(results.recap())).toEqual(byHost(printed));
    // the counts that are added up while it runs are the same
    const summed = createRunResults();
    summed.push(
      1,
      events.split('\n').filter((line) => !line.startsWith('{"kind": "recap"')),
    );
    expect(byHost(summed.recap())).toEqual(byHost(printed));
    expect(steady(log.join('\n'))).toEqual(steady(bare()));
  },
);

/** Without what differs in each run. */
const steady = (text: string) =>
  text.replace(/\bj?\d{6,20}\.\d{1,12}/g, 'JOB').replace(/\d{1,2}:\d\d:\d\d\.\d{1,9}/g, 'TIME');
