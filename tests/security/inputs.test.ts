import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expectNothingDone, MUTATIONS, type Result } from '../support/mutations.ts';
import { runPlaybook, waitForEnd } from '../support/operations.ts';
import { send } from '../support/raw-http.ts';
import { describeOnBothStorages, SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { WAYS } from '../support/ways.ts';
import { type TestServer, withServer } from '../support/with-server.ts';

/** What somebody with the key, or a page that found a hole, may try to put in: refused with a reason, or kept as it is. */

/** One server for all that is only refused. */
const sharedServer = useServer({
  storage: SQLITE,
  ansible: 'scripted',
  playbooks: { 'hello.yaml': '- hosts: localhost\n' },
});
const refusing = (work: (test: TestServer) => Promise<void>) => work(sharedServer());

describe('parameters', () => {
  const REFUSED: [string, object][] = [
    ['an option', { limit: '-vvv' }],
    ['an option behind a comma', { limit: 'a,-e' }],
    ['a file', { limit: '@/etc/passwd' }],
    ['a line end', { limit: 'a\nb' }],
    ['nothing', { limit: '' }],
    ['a tag that is an option', { tags: ['--ask-become-pass'] }],
    ['a tag with a line end', { tags: ['a\n-e'] }],
    ['an option among the hosts', { inventory: 'web,-oProxyCommand=id' }],
    ['an inventory that is a program outside', { inventory: '/bin/sh' }],
    ['an inventory outside', { inventory: '../hosts' }],
    ...[
      'connection',
      'python_interpreter',
      'become_exe',
      'ssh_common_args',
      'ssh_executable',
      'shell_executable',
      'CONNECTION',
    ].map((name): [string, object] => [`ansible_${name}`, { extraVars: { [`ansible_${name}`]: 'x' } }]),
    ['a name that is no name', { extraVars: { 'a b': 1 } }],
    ['an operator', { extraVars: { $where: 'sleep(1000)' } }],
    ['NUL', { extraVars: { a: 'x\0' } }],
    [
      '100,000 keys',
      { extraVars: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n])) },
    ],
    ['no end of depth', { extraVars: { a: JSON.parse(`${'['.repeat(3_000)}${']'.repeat(3_000)}`) } }],
  ];
  const TOO_LARGE_TO_READ = ['100,000 keys', 'no end of depth'];
  it.each(WAYS)('that would be an option, a file or a program are refused over %s', (way, ask) =>
    refusing(async ({ api }) => {
      for (const [title, parameters] of REFUSED) {
        // longer than a message of a WebSocket may be: refused there as a whole
        if (way === 'WebSocket' && JSON.stringify(parameters).length > 60_000) continue;
        for (const [name, input] of [
          ['run', { playbook: 'hello.yaml', parameters }],
          ['create', { playbook: 'hello.yaml', parameters, timing: { cron: '* * * * *' } }],
        ] as const) {
          const asked = ask<{ result: Result }>(api, MUTATIONS[name], { input });
          if (TOO_LARGE_TO_READ.includes(title)) {
            // refused before it is looked at: over HTTP with a message, over WebSocket by closing
            await expect(asked).rejects.toBeTruthy();
            continue;
          }
          const { result } = await asked;
          expect([title, name, result.__typename]).toEqual([title, name, 'InvalidInputError']);
        }
      }
      await expectNothingDone(api);
    }),
  );

  it('that are templates come out as the text that they are', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'real',
        playbooks: {
          'show.yaml':
            '- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: { msg: "text: {{ text }} / {{ nested.list[0] }}" }\n',
        },
      },
      async ({ api, dataDir }) => {
        const template = (file: string) => `{{ lookup('pipe', 'touch ${join(dataDir, file)}; id') }}`;
        const extraVars = { text: template('one'), nested: { list: [template('two')] } };
        const id = await runPlaybook(api, 'show.yaml', { extraVars });
        expect((await waitForEnd(() => api, id)).status).toBe('SUCCEEDED');
        const { node } = await api.request<{ node: { log: { text: string } } }>(
          'query ($id: ID!) { node(id: $id) { ... on Run { log { text } } } }',
          { id },
        );
        expect(node.log.text).toContain("lookup('pipe', 'touch");
        expect(node.log.text).not.toContain('uid=');
        expect(() => readFileSync(join(dataDir, 'one'))).toThrow(/ENOENT/);
        expect(() => readFileSync(join(dataDir, 'two'))).toThrow(/ENOENT/);
      },
    ));
});

describe('cron expressions', () => {
  const rows = readFileSync(new URL('../fixtures/cron/validity_own.jsonl', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): { expr: string; valid: boolean } => JSON.parse(line));
  const evil = [
    '*'.repeat(256),
    '*/'.repeat(128),
    `${'1,'.repeat(120)} * * * *`,
    '(a+)+$ * * * *',
    '@@reboot',
    '* * * * *\0',
    '٠ ٠ ١ ١ *',
  ];
  const hostile = [...rows.filter(({ valid }) => !valid).map(({ expr }) => expr), ...evil];

  it.each(WAYS)('that are none are refused at their place over %s', (_way, ask) =>
    refusing(async ({ api, server: { url } }) => {
      expect(hostile.length).toBeGreaterThan(25);
      for (const cron of hostile) {
        const { result } = await ask<{ result: Result }>(
          api,
          'query ($timing: ScheduleTimingInput!) { result: previewSchedule(timing: $timing) { __typename ... on InvalidInputError { issues { path message } } } }',
          { timing: { cron } },
        );
        expect([cron, result]).toEqual([
          cron,
          {
            __typename: 'InvalidInputError',
            issues: [{ path: ['timing', 'cron'], message: expect.any(String) }],
          },
        ]);
        const created = await ask<{ result: Result }>(api, MUTATIONS.create, {
          input: { playbook: 'hello.yaml', timing: { cron } },
        });
        expect([cron, created.result.__typename]).toEqual([cron, 'InvalidInputError']);
        const answer = await send(url, '/schedule', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ playbook: 'hello.yaml', cron }),
        });
        expect([cron, answer.status]).toEqual([cron, 400]);
      }
      await expectNothingDone(api);
    }),
  );
});

describeOnBothStorages('hostile texts', (choose) => {
  it('are stored as they are, whatever they would mean to the database', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: { 'hello.yaml': '- hosts: localhost\n' } },
      async ({ api, server: { url } }) => {
        const texts = [
          "'; DROP TABLE schedules; --",
          '" OR ""="',
          '$where',
          '{"$gt": ""}',
          '<img src=x onerror=alert(1)>',
          '%_\\',
          '{{7*7}}',
        ];
        const values = {
          text: [...texts, '\u202Eevil'],
          operator: { $gt: '', $where: 'sleep(1000)', 'a.b': 1, '': 2, constructor: 3 },
        };
        for (const name of texts) {
          const { result } = await api.request<{
            result: { schedule?: { id: string; name: string; parameters: { extraVars: object } } };
          }>(MUTATIONS.create, {
            input: {
              playbook: 'hello.yaml',
              name,
              enabled: false,
              timing: { cron: '@yearly' },
              parameters: { extraVars: { values } },
            },
          });
          expect(result.schedule).toMatchObject({ name, parameters: { extraVars: { values } } });
          const found = await api.request<{ schedules: { edges: { node: { name: string } }[] } }>(
            'query ($search: String) { schedules(filter: { search: $search }) { edges { node { name } } } }',
            { search: name },
          );
          expect(found.schedules.edges.map(({ node }) => node.name)).toEqual([name]);
        }
        // an object where a text is due is no operator
        for (const value of [{ $gt: '' }, { $ne: null }, ['x'], 1, true]) {
          for (const [query, variables] of [
            ['query ($id: ID!) { node(id: $id) { id } }', { id: value }],
            [
              'query ($playbook: String) { runs(filter: { playbook: $playbook }) { totalCount } }',
              { playbook: value },
            ],
          ] as const) {
            if (query.includes('ID!') && typeof value === 'number') continue;
            await expect(api.request(query, variables), JSON.stringify(variables)).rejects.toThrow(
              /got invalid value/,
            );
          }
          const body = JSON.stringify({ playbook: value, cron: '* * * * *' });
          const answer = await send(url, '/schedule', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body,
          });
          expect([body, answer.status]).toEqual([body, 400]);
        }
        for (const cursor of [
          "' OR 1=1 --",
          '{"$gt":""}',
          'AAAA',
          Buffer.from('{"$gt":""}').toString('base64url'),
          Buffer.from('Secret:1').toString('base64'),
          '\0',
          'x'.repeat(10_000),
        ]) {
          for (const field of ['runs', 'schedules'])
            await expect(
              api.request(`query ($after: String) { ${field}(after: $after) { totalCount } }`, {
                after: cursor,
              }),
              cursor.slice(0, 20),
            ).rejects.toThrow(/INVALID_INPUT/);
          const { node } = await api.request<{ node: null }>('query ($id: ID!) { node(id: $id) { id } }', {
            id: cursor,
          });
          expect(node).toBeNull();
        }
        // seven states, however often they are named
        const many = await api.request(
          'query ($status: [RunStatus!]) { runs(filter: { status: $status }) { totalCount } }',
          {
            status: Array(20_000).fill('RUNNING'),
          },
        );
        expect(many).toEqual({ runs: { totalCount: 0 } });
        expect(await api.request('{ schedules { totalCount } }')).toEqual({
          schedules: { totalCount: texts.length },
        });
      },
    ));
});
