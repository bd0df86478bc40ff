import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { callbackEnvironment } from '../../../../server/runner/ansible/callback-path.ts';
import { findAnsible } from '../../../support/ansible.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const HOSTS = `a ansible_connection=local ansible_python_interpreter={{ansible_playbook_python}}
b ansible_connection=local
c ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1
`;

async function makeFolder(playbook: string) {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const file = (name: string) => join(folder.path, name);
  writeFileSync(file('hosts.ini'), HOSTS);
  writeFileSync(file('play.yaml'), playbook);
  const env: Record<string, string> = {
    PATH: '/usr/bin:/bin',
    HOME: folder.path,
    LC_ALL: 'C.UTF-8',
    ANSIBLE_FORCE_COLOR: '1',
  };
  const run = (more: Readonly<Record<string, string>>, ...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      findAnsible(),
      ['-i', 'hosts.ini', 'play.yaml', '-f', '1', ...words],
      { cwd: folder.path, env: { ...env, ...more }, encoding: 'utf8' },
    );
    return { status, output: stdout + stderr };
  };
  const ours = { ...callbackEnvironment(env, folder.path).environment, SIBLE_EVENTS: file('events.jsonl') };
  /** What the plugin tells besides results: those have tests of their own. */
  const facts = () =>
    readFileSync(file('events.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ kind }) => !RESULTS.has(String(kind)));
  return { run, ours, facts, file };
}

const RESULTS = new Set(['play', 'task', 'item', 'result', 'counts', 'diff', 'recap']);

/** What is another in each run of Ansible itself. */
const steady = (output: string) =>
  output.replace(
    /ansible-(?:local|tmp)-[\w.-]+|tmp\w{8}|\d+:\d\d:\d\d\.\d+|\d{4}-\d\d-\d\d|\/[0-9a-f]{10}\b/g,
    '~',
  );

const BEGIN = expect.objectContaining({
  kind: 'begin',
  format: 2,
  ansible: expect.stringMatching(/^2\.\d+\.\d+/) as string,
}) as unknown;

const MIXED = `- hosts: nobody
  gather_facts: false
  tasks: [{ debug: { msg: never } }]
- hosts: all
  gather_facts: false
  tasks:
    - block: [{ fail: { msg: rescued } }]
      rescue: [{ debug: { msg: fine } }]
    - fail: { msg: "on \\u202epurpose" }
      when: inventory_hostname == 'a'
    - fail: { msg: "{{ item }}" }
      loop: [one, two]
      ignore_errors: true
    - fail: { msg: secret }
      no_log: true
      when: inventory_hostname == 'b'
    - ping:
`;

describe('our callback plugin', () => {
  it('leaves the output as it is without it, and tells what failed for good and what could not be reached, and nothing that no_log hides', async () => {
    const { run, ours, facts, file } = await makeFolder(MIXED);
    const without = run({});
    const withIt = run(ours);
    expect(withIt.status).toBe(4);
    expect(without.status).toBe(4);
    expect(steady(withIt.output)).toBe(steady(without.output));
    const unreachable = expect.stringContaining('Connection refused') as string;
    expect(facts()).toEqual([
      BEGIN,
      ...[1, 2, 3].map(() => expect.objectContaining({ kind: 'cause', count: 1 }) as unknown),
      { kind: 'end', plays: 2, unmatched: 1, tasks: 6, tagged: false, failed: 2, unreachable: 1 },
    ]);
    // in whatever order the hosts failed
    expect(facts()).toEqual(
      expect.arrayContaining([
        { kind: 'cause', status: 'failed', message: 'on \u202epurpose', count: 1, hosts: ['a'] },
        { kind: 'cause', status: 'failed', message: '', count: 1, hosts: ['b'] },
        { kind: 'cause', status: 'unreachable', message: unreachable, count: 1, hosts: ['c'] },
      ]),
    );

    // also where it cannot write
    rmSync(file('events.jsonl'));
    const untold = run({ ...ours, SIBLE_EVENTS: file('no/such/folder') });
    expect(steady(untold.output)).toBe(steady(without.output));
    expect(existsSync(file('events.jsonl'))).toBe(false);
  });

  it('leaves the most talkative output as it is without it', async () => {
    const { run, ours } = await makeFolder(MIXED);
    const without = run({}, '-vvvv');
    const withIt = run(ours, '-vvvv');
    expect(withIt.status).toBe(without.status);
    expect(steady(withIt.output)).toBe(steady(without.output));
  });

  it('writes to the file that Sible has made, unless another process holds or has written to it', async () => {
    const { run, ours, facts, file } = await makeFolder(
      '- hosts: a\n  gather_facts: false\n  tasks: [{ debug: }]\n',
    );
    writeFileSync(file('events.jsonl'), '');
    const holds =
      'import fcntl,sys,time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); time.sleep(60)';
    const holder = spawn('/usr/bin/env', ['python3', '-c', holds, file('events.jsonl')]);
    onTestFinished(() => void holder.kill());
    await once(holder.stdout, 'data');
    expect(run(ours).status).toBe(0);
    expect(readFileSync(file('events.jsonl'), 'utf8')).toBe('');

    holder.kill();
    await once(holder, 'exit');
    expect(run(ours).status).toBe(0);
    expect(facts().map(({ kind }) => kind)).toEqual(['begin', 'end']);
    run(ours);
    expect(facts()).toHaveLength(2);
  });

  it('hands on neither itself nor its variables to what a task starts', async () => {
    const { run, ours, facts, file } = await makeFolder(
      `- hosts: a
  gather_facts: false
  tasks:
    - shell: env >env; ${findAnsible()} -i hosts.ini inner.yaml >inner.log 2>&1
      args: { chdir: "{{ playbook_dir }}" }
`,
    );
    writeFileSync(
      file('inner.yaml'),
      '- hosts: a\n  gather_facts: false\n  tasks: [{ fail: { msg: inner } }]\n',
    );
    expect(run(ours).status).toBe(2);
    expect(readFileSync(file('env'), 'utf8')).not.toMatch(/^(?:SIBLE_|ANSIBLE_CALLBACK)/m);
    expect(readFileSync(file('inner.log'), 'utf8')).toContain('inner');
    expect(facts().map(({ kind }) => kind)).toEqual(['begin', 'cause', 'end']);
    expect(readFileSync(file('events.jsonl'), 'utf8')).not.toContain('inner"');
  });

  it('gives variables back what they held before', async () => {
    const { run, ours, file } = await makeFolder(
      '- hosts: a\n  gather_facts: false\n  tasks: [{ shell: "env >{{ playbook_dir }}/env" }]\n',
    );
    run({ ...ours, SIBLE_RESTORE_ENV: '{"ANSIBLE_CALLBACK_PLUGINS":"mine","ANSIBLE_FORCE_COLOR":null}' });
    expect(readFileSync(file('env'), 'utf8')).toContain('ANSIBLE_CALLBACK_PLUGINS=mine\n');
    expect(readFileSync(file('env'), 'utf8')).not.toContain('ANSIBLE_FORCE_COLOR');
  });

  const ASKS = `- hosts: a
  gather_facts: false
  tasks: [{ debug: { msg: first play } }]
- hosts: a
  gather_facts: false
  vars_prompt:
    - { name: shade, default: "" }
    - { name: "co{{ 'lo' }}ur", prompt: Which }
  tasks: [{ debug: { msg: "second play: {{ colour }}" } }]
`;

  it('ends a playbook before a prompt that nobody answers, which Ansible would answer with nothing', async () => {
    const { run, ours, facts } = await makeFolder(ASKS);
    const byHand = run({});
    expect(byHand.status).toBe(0);
    expect(byHand.output).toContain('second play:');

    const { status, output } = run(ours);
    expect(status).toBe(1);
    expect(output).toContain('first play');
    expect(output).not.toContain('second play');
    expect(output).toMatch(/ERROR.*asks for 'colour' \(vars_prompt\)/);
    expect(output).not.toContain('Traceback');
    expect(facts()).toEqual([BEGIN, { kind: 'prompt', name: 'colour' }]);
  });

  const askingWith = (varsFiles: string) =>
    ASKS.replace('  vars_prompt:', `  vars_files: ${varsFiles}\n  vars_prompt:`);

  it('lets a playbook go on whose prompts are answered, or where a variables file wins over the answer', async () => {
    const varsFiles = [
      'colour.yml',
      '[other.yml, [missing.yml, colour.yml]]',
      '["{{ inventory_hostname }}.yml", colour.yml]',
    ];
    const answered = ASKS.replace("co{{ 'lo' }}ur", "pl{{ 'ac' }}e").replace('colour', 'place');
    const { run, ours, facts, file } = await makeFolder([...varsFiles.map(askingWith), answered].join(''));
    writeFileSync(file('colour.yml'), 'colour: "{{ shade }}red"\n');
    writeFileSync(file('other.yml'), 'a: b\n');
    const byHand = run({}, '-e', 'place=here');
    const { status, output } = run(ours, '-e', 'place=here');
    expect(output.match(/second play: \w+/g)).toEqual([
      ...varsFiles.map(() => 'second play: red'),
      'second play: here',
    ]);
    expect([status, steady(output)]).toEqual([0, steady(byHand.output)]);
    expect(facts().at(-1)).toMatchObject({ kind: 'end', plays: 8 });
  });

  it.each([
    ['other.yml', 'events.jsonl'],
    ['"{{ colour }}.yml"', 'events.jsonl'],
    ['[["{{ colour }}.yml", colour.yml]]', 'events.jsonl'],
    // also where it cannot tell anybody
    ['[/dev/null]', 'no/such/folder'],
  ])('ends it where none does for every host: %s', async (varsFiles, events) => {
    const { run, ours, file } = await makeFolder(askingWith(varsFiles));
    for (const name of ['colour', 'None']) writeFileSync(file(`${name}.yml`), 'colour: red\n');
    writeFileSync(file('other.yml'), 'a: b\n');
    const { status, output } = run({ ...ours, SIBLE_EVENTS: file(events) });
    expect(status).toBe(1);
    expect(output).toMatch(/asks for 'colour' \(vars_prompt\)/);
    expect(output).not.toContain('second play');
  });
});
