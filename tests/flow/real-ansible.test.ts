import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findAnsible } from '../support/ansible.ts';
import { endReason } from '../support/end-reason.ts';
import { cancelRun, readLog, runPlaybook, waitForEnd } from '../support/operations.ts';
import { processesOf } from '../support/processes.ts';
import { SQLITE } from '../support/storages.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type TestServer, withServer } from '../support/with-server.ts';

/** What real Ansible makes of playbooks that go wrong: each ends by itself, with a true status and reason. */

const play = (tasks: string, more = '') => `- hosts: localhost
  connection: local
  gather_facts: false
${more}  tasks:
${tasks}`;

const LEAVES_BEHIND = `    - ansible.builtin.shell: nohup sleep 600 >/dev/null 2>&1 & echo left
    - ansible.builtin.command: sleep 601
      async: 700
      poll: 0
`;

const PLAYBOOKS = {
  'ok.yaml': play('    - ansible.builtin.debug: { msg: fine }\n'),
  'fails.yaml': play('    - ansible.builtin.fail: { msg: on purpose }\n'),
  // a name that RFC 6761 keeps from ever existing
  'unreachable.yaml':
    '- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.raw: "true"\n      timeout: 20\n',
  'hosts.ini': 'nobody.invalid ansible_connection=ssh\n',
  'syntax.yaml': '- hosts: localhost\n  tasks:\n    - no_such_module_at_all: {}\n',
  'waits.yaml':
    play(
      '    - ansible.builtin.pause: { prompt: Shall I go on }\n    - ansible.builtin.debug: { msg: went on }\n',
    ) +
    play(
      '    - ansible.builtin.debug: { msg: "taken: {{ colour }}" }\n',
      '  vars_prompt:\n    - { name: colour, prompt: Which colour, default: green }\n',
    ),
  'prompt-given.yaml': play(
    '    - ansible.builtin.debug: { msg: "taken: {{ colour }}" }\n',
    '  vars_prompt:\n    - { name: colour, prompt: Which colour }\n',
  ),
  'leaves.yaml': play(LEAVES_BEHIND),
  'hangs.yaml': play(`${LEAVES_BEHIND}    - ansible.builtin.command: sleep 602\n`),
};

/** One server for all tests that leave it as it was; each adds the playbooks of its own. */
const shared = useServer({ storage: SQLITE, ansible: 'real', playbooks: PLAYBOOKS });
function withAnsible(
  work: (test: TestServer) => Promise<void>,
  playbooks: Record<string, string> = {},
): Promise<void> {
  const test = shared();
  for (const [path, content] of Object.entries(playbooks)) test.writePlaybook(path, content);
  return work(test);
}

async function runToEnd({ api }: TestServer, playbook: string, parameters: object | null = null) {
  const id = await runPlaybook(api, playbook, parameters);
  const { status, exitCode, reason } = await waitForEnd(() => api, id);
  return { id, status, exitCode, reason, log: (await readLog(api, id)).text };
}

describe('real Ansible', () => {
  it('success, failure, an unreachable host and a fault of syntax have their own code and reason', () =>
    withAnsible(async (test) => {
      expect(await runToEnd(test, 'ok.yaml')).toMatchObject({
        status: 'SUCCEEDED',
        exitCode: 0,
        reason: null,
        log: expect.stringContaining('fine'),
      });
      expect(await runToEnd(test, 'fails.yaml')).toMatchObject({
        status: 'FAILED',
        exitCode: 2,
        reason: 'Host localhost failed.',
        log: expect.stringContaining('on purpose'),
      });
      expect(await runToEnd(test, 'unreachable.yaml', { inventory: 'hosts.ini' })).toMatchObject({
        status: 'FAILED',
        exitCode: 4,
        reason: 'Host nobody.invalid could not be reached: the name could not be resolved.',
        log: expect.stringContaining('UNREACHABLE'),
      });
      expect(await runToEnd(test, 'syntax.yaml')).toMatchObject({
        status: 'FAILED',
        exitCode: 4,
        reason:
          'Nothing ran: the playbook or its variables could not be parsed: module no_such_module_at_all was not found; it is misspelt or its collection is not installed.',
        log: expect.stringContaining('no_such_module_at_all'),
      });
    }));

  it('a run that did nothing succeeded, and says so', () =>
    withAnsible(
      async (test) => {
        const outcome = async (playbook: string, parameters: object | null = null) => {
          const { status, exitCode, reason } = await runToEnd(test, playbook, parameters);
          return { status, exitCode, reason };
        };
        const succeeded = (reason: string | null) => ({ status: 'SUCCEEDED', exitCode: 0, reason });
        expect(await outcome('nobody.yaml', { inventory: 'hosts.ini' })).toEqual(
          succeeded('Nothing ran: no host matched.'),
        );
        expect(await outcome('nobody.yaml', { inventory: 'empty.ini' })).toEqual(
          succeeded('Nothing ran: no host matched, because the inventory has no hosts.'),
        );
        expect(await outcome('partly.yaml')).toEqual(succeeded(null));
        expect(await outcome('no-tasks.yaml')).toEqual(succeeded(null));
        expect(await outcome('skipped.yaml')).toEqual(succeeded(null));
        expect(await outcome('ok.yaml', { tags: ['nope'] })).toEqual(
          succeeded('Nothing ran: no task has the tags that were asked for.'),
        );
        expect(await outcome('ok.yaml', { inventory: 'hosts.ini', limit: 'nope' })).toEqual({
          status: 'FAILED',
          exitCode: 1,
          reason: 'Nothing ran: no host of the inventory matches the limit.',
        });
      },
      {
        'nobody.yaml': '- hosts: absent\n  tasks: [{ ansible.builtin.debug: {} }]\n',
        'empty.ini': '# nobody\n',
        'partly.yaml': `- hosts: absent\n  tasks: []\n${play('    - ansible.builtin.debug: {}\n')}`,
        'no-tasks.yaml': play('    []\n'),
        'skipped.yaml': play('    - ansible.builtin.debug: {}\n      when: false\n'),
      },
    ));

  it('the same reason comes out of a server that came after the run had ended', () =>
    withAnsible(
      async (test) => {
        const id = await runPlaybook(test.api, 'slowly.yaml', { inventory: 'hosts.ini' });
        await waitUntil(async () => ((await readLog(test.api, id)).text.includes('PLAY [') ? true : null), {
          withinMs: 60_000,
        });
        await test.server.kill();
        test.writePlaybook('go', '');
        // of a test server's runs there is one at a time
        const [spool = ''] = readdirSync(join(test.dataDir, 'runs'));
        await waitUntil(() => existsSync(join(test.dataDir, 'runs', spool, 'status')), { withinMs: 60_000 });
        await test.restart();
        expect(await waitForEnd(() => test.api, id)).toMatchObject({
          status: 'FAILED',
          exitCode: 4,
          reason: 'Host nobody.invalid could not be reached: the name could not be resolved.',
        });
      },
      {
        'slowly.yaml':
          '- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.wait_for: { path: "{{ playbook_dir }}/go" }\n      delegate_to: localhost\n    - ansible.builtin.ping:\n',
      },
    ));

  it('what would wait for a person does not: pause goes on, a prompt takes its default, one without is refused', () =>
    withAnsible(async (test) => {
      expect(await runToEnd(test, 'waits.yaml')).toMatchObject({
        status: 'SUCCEEDED',
        log: expect.stringMatching(/went on[\s\S]*taken: green/),
      });
      expect(await runToEnd(test, 'prompt-given.yaml', { extraVars: { colour: 'blue' } })).toMatchObject({
        status: 'SUCCEEDED',
        log: expect.stringContaining('taken: blue'),
      });
      await expect(runPlaybook(test.api, 'prompt-given.yaml')).rejects.toThrow(
        /"colour\\?"? .*vars_prompt|colour/,
      );
    }));

  it('a prompt that cannot be known before is known when it comes: nothing goes on without its answer', () => {
    const asks = `${play(
      '    - ansible.builtin.debug: { msg: "taken: {{ colour }}" }\n',
      '  vars_prompt:\n    - { name: colour, prompt: Which colour }\n',
    )}`;
    // a thousand answered prompts are more than is kept of a playbook
    const many = Array.from(
      { length: 900 },
      (_, n) => `    - { name: answered_${'x'.repeat(40)}_${n}, default: y }\n`,
    );
    return withAnsible(
      async (test) => {
        const folder = join(test.dataDir, 'playbooks/vault');
        execFileSync(
          join(dirname(findAnsible()), 'ansible-vault'),
          ['encrypt', 'whole.yaml', 'with.yaml', 'without.yaml'],
          { cwd: folder, stdio: 'pipe' },
        );
        const stopped = {
          status: 'FAILED',
          exitCode: 1,
          reason: expect.stringMatching(/^Nothing ran: the playbook asks for "colour" \(vars_prompt\)/),
          log: expect.not.stringContaining('taken:'),
        };
        const file = (name: string) => ({ extraVarsFiles: [`vault/${name}.yaml`] });
        expect(await runToEnd(test, 'vault/whole.yaml')).toMatchObject(stopped);
        expect(await runToEnd(test, 'vault/heavy.yaml')).toMatchObject(stopped);
        expect(await runToEnd(test, 'vault/asks.yaml', file('without'))).toMatchObject(stopped);
        const answered = { status: 'SUCCEEDED', log: expect.stringContaining('taken: blue') };
        const colour = { extraVars: { colour: 'blue' } };
        expect(await runToEnd(test, 'vault/whole.yaml', colour)).toMatchObject(answered);
        expect(await runToEnd(test, 'vault/heavy.yaml', colour)).toMatchObject(answered);
        expect(await runToEnd(test, 'vault/asks.yaml', file('with'))).toMatchObject(answered);
      },
      {
        'vault/ansible.cfg': '[defaults]\nvault_password_file = pass\n',
        'vault/pass': 'secret\n',
        'vault/whole.yaml': asks,
        'vault/asks.yaml': asks,
        'vault/heavy.yaml': asks.replace('vars_prompt:\n', `vars_prompt:\n${many.join('')}`),
        'vault/with.yaml': 'colour: blue\n',
        'vault/without.yaml': 'other: blue\n',
      },
    );
  });

  it('where the home cannot be written the run has another one, and its log says so first', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'real',
        env: { HOME: '/dev/null/home' },
        playbooks: {
          'home.yaml': play(
            `    - ansible.builtin.file: { path: ~/written, state: touch }\n    - ansible.builtin.debug: { msg: "home {{ lookup('env', 'HOME') }}" }\n`,
          ),
        },
      },
      async (test) => {
        const { status, log } = await runToEnd(test, 'home.yaml');
        const notice =
          /^Sible: The home folder "\/dev\/null\/home" cannot be written to; this run has "([^"]+)" for its home, and finds no keys, roles or collections in ~\.\n/;
        const home = notice.exec(log)?.[1];
        expect(status).toBe('SUCCEEDED');
        expect(home?.startsWith(test.dataDir)).toBe(true);
        expect(log).toContain(`home ${home}`);
        expect(existsSync(join(home ?? '', 'written'))).toBe(true);
      },
    ));

  it('a run that cannot have our plugin says so, and tells tasks and reason apart all the same', () =>
    withAnsible(
      async (test) => {
        const notice =
          /^Sible: The plugin .+ could not be loaded: ".+a:b\/ansible\.cfg" names .+ not noticed, .+\.\n/;
        const seen = await runToEnd(test, 'a:b/env.yaml');
        expect(seen).toMatchObject({ status: 'SUCCEEDED', reason: null });
        expect(seen.log).toMatch(notice);
        expect(seen.log).toContain('SIBLE_RUN_ID=');
        expect(seen.log).not.toMatch(/ANSIBLE_FORCE_COLOR|PYTHONUNBUFFERED|SIBLE_EVENTS/);
        expect(seen.log).not.toContain('\u001b');
        const nobody = await runToEnd(test, 'a:b/nobody.yaml');
        expect(nobody).toMatchObject({ status: 'SUCCEEDED', reason: 'Nothing ran: no host matched.' });
        expect(nobody.log).toMatch(notice);
      },
      {
        'a:b/ansible.cfg': '[defaults]\ncallback_plugins = cb\ninventory = hosts.ini\n',
        'a:b/hosts.ini': 'web1\n',
        'a:b/env.yaml': play(
          '    - ansible.builtin.command: env\n      register: seen\n    - ansible.builtin.debug: { var: seen.stdout_lines }\n',
        ),
        'a:b/nobody.yaml': '- hosts: nobody\n  tasks: []\n- hosts: nothing\n  tasks: []\n',
      },
    ));

  it('become without a password fails at once and says so', async () => {
    const folder = await makeTempDir();
    try {
      // what sudo -n does where a password is needed: as root, the real one would never need any
      const sudo = join(folder.path, 'sudo');
      writeFileSync(sudo, '#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n', { mode: 0o755 });
      const become = play(
        '    - ansible.builtin.command: id\n',
        `  become: true\n  become_user: nobody\n  become_method: ansible.builtin.sudo\n  vars: { ansible_become_exe: ${sudo} }\n`,
      );
      await withAnsible(
        async (test) => {
          const run = await runToEnd(test, 'become.yaml');
          expect(run).toMatchObject({ status: 'FAILED', exitCode: 2 });
          expect(run.log).toMatch(/password is required|Missing sudo password/);
        },
        { 'become.yaml': become },
      );
    } finally {
      await folder.remove();
    }
  });

  it('texts of extra variables arrive as they were written, whatever is in them, and are never templates', () =>
    withAnsible(
      async (test) => {
        const text = {
          'a key: with {{ signs }}': 'a\tb\nc\r"\\\u0001\u007f\u0085\u00a0\u2028\u2029\ufeff\u200b',
          'é 漢 😀': [
            '',
            ' yes',
            'yes',
            '1.10',
            '1e5',
            '~',
            '<<',
            '# no comment',
            '? : -',
            'a/b',
            '{% raw %}',
          ],
          template: "{{ lookup('ansible.builtin.pipe', 'echo ex''ecuted') }}",
          '': { nested: [true, false, null, 0, -1, 1.5, 'ß\u0301 \ue000 \u{10ffff}'] },
        };
        // with the gaps and the escapes that JSON allows
        const written = JSON.stringify({ text }, null, '\t')
          .replace('a/b', 'a\\/b')
          .replace('😀', '\\ud83d\\ude00');
        const { status, log } = await runToEnd(test, 'write.yaml', { extraVarsJson: written });
        expect(status, log).toBe('SUCCEEDED');
        expect(log).toContain("lookup('ansible.builtin.pipe'");
        expect(log).not.toContain('executed');
        expect(JSON.parse(readFileSync(join(test.dataDir, 'playbooks/written.json'), 'utf8'))).toEqual(text);
      },
      {
        'write.yaml': play(
          '    - ansible.builtin.debug: { var: text.template }\n    - ansible.builtin.copy: { content: "{{ text | to_json }}", dest: "{{ playbook_dir }}/written.json" }\n',
        ),
      },
    ));

  it('a run ends with its playbook, whatever that leaves behind', () =>
    withAnsible(async (test) => {
      const run = await runToEnd(test, 'leaves.yaml');
      const left = processesOf(run.id);
      for (const pid of left) process.kill(pid, 'SIGKILL');
      expect(run).toMatchObject({ status: 'SUCCEEDED', exitCode: 0 });
      expect(left.length).toBeGreaterThan(0);
    }));

  it('a cancelled run leaves none of its processes: no worker, no async task, nothing detached', () =>
    withAnsible(async (test) => {
      const id = await runPlaybook(test.api, 'hangs.yaml');
      await waitUntil(async () => (processesOf(id).length > 5 ? true : null), {
        withinMs: 60_000,
      });
      await waitUntil(
        async () => ((await readLog(test.api, id)).text.split('TASK [').length > 3 ? true : null),
        { withinMs: 60_000 },
      );
      await cancelRun(test.api, id);
      expect(await waitForEnd(() => test.api, id)).toMatchObject({
        status: 'CANCELED',
        reason: endReason('Canceled on request.'),
      });
      expect(processesOf(id)).toEqual([]);
    }));
});
