import { describe, expect, it } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { findRun, readLog, runPlaybook, waitForEnd } from '../support/operations.ts';
import { times } from '../support/soak.ts';
import { describeOnBothStorages, SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';

interface ResultPage {
  readonly edges: readonly { readonly node: ResultView }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

interface ResultView {
  readonly host: string;
  readonly task: string;
  readonly status: string;
  readonly logLine: number | null;
}

const RESULT_FIELDS = 'host task status logLine';
const RUN_RESULTS = `subscription ($runId: ID!, $after: Int) { runResults(runId: $runId, after: $after) { ${RESULT_FIELDS} } }`;

/** All results, by pages of 100. */
async function readResults(api: ApiClient, id: string): Promise<ResultView[]> {
  const found: ResultView[] = [];
  for (let after: string | null = null; ; ) {
    const page: { node: { results: ResultPage } } = await api.request(
      `query ($id: ID!, $after: String) { node(id: $id) { ... on Run { results(first: 100, after: $after) { edges { node { ${RESULT_FIELDS} } } pageInfo { hasNextPage endCursor } } } } }`,
      { id, after },
    );
    const { results } = page.node;
    found.push(...results.edges.map((edge) => edge.node));
    if (!results.pageInfo.hasNextPage) return found;
    after = results.pageInfo.endCursor;
  }
}

/** What the scripted playbook tells. */
function scripted(hosts: number, tasks: number): ResultView[] {
  return Array.from({ length: hosts * tasks }, (_, i) => ({
    host: `host${(i % hosts) + 1}`,
    task: `task ${Math.floor(i / hosts) + 1}`,
    status: i === 0 ? 'FAILED' : 'CHANGED',
    logLine: i + 1,
  }));
}

const PLAYBOOKS = { 'results.yaml': '# results 5 60 10\n# exit 2\n- hosts: localhost\n' };

describeOnBothStorages('the results of a run', (choose) => {
  const shared = useServer(() => ({ storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS }));

  it('are held once and in order by subscribers that are cut and resumed 50 times', async () => {
    const { api } = shared();
    const runId = await runPlaybook(api, 'results.yaml');
    const readWithCuts = async (transport: 'overWebSocket' | 'overSse') => {
      const held: ResultView[] = [];
      for (let cut = 0; cut <= 50; cut += 1) {
        let left = cut === 50 ? Number.POSITIVE_INFINITY : 1 + Math.floor(Math.random() * 3);
        for await (const { runResults } of api[transport]<{ runResults: ResultView[] }>(RUN_RESULTS, {
          runId,
          after: held.length,
        })) {
          held.push(...runResults);
          left -= 1;
          if (left === 0) break;
        }
      }
      return held;
    };
    const [overSocket, overSse] = await Promise.all([readWithCuts('overWebSocket'), readWithCuts('overSse')]);
    expect(overSocket).toEqual(scripted(5, 60));
    expect(overSse).toEqual(scripted(5, 60));
    expect(await readResults(api, runId)).toEqual(scripted(5, 60));
  });

  it('are stored once and in order although the server is killed again and again', async () => {
    const test = shared();
    const runId = await runPlaybook(test.api, 'results.yaml');
    let kills = 0;
    for (; kills < times(4, 20); kills += 1) {
      const isGoingOn = async () => (await findRun(test.api, runId)).status === 'RUNNING';
      const before = (await readResults(test.api, runId)).length;
      await waitUntil(
        async () => (await readResults(test.api, runId)).length > before || !(await isGoingOn()),
        { withinMs: 30_000 },
      );
      if (!(await isGoingOn())) break;
      await test.server.kill();
      await test.restart();
    }
    expect(kills).toBeGreaterThan(1);
    expect(await waitForEnd(() => test.api, runId)).toMatchObject({ status: 'FAILED', exitCode: 2 });
    expect(await readResults(test.api, runId)).toEqual(scripted(5, 60));
    const { node } = await test.api.request<{ node: object }>(
      'query ($id: ID!) { node(id: $id) { ... on Run { resultsProblem ansibleVersion recap { host ok changed failed } failures { hosts task message file line logLine status } plays { name tasks { name logLine hosts { host failed } } } } } }',
      { id: runId },
    );
    expect(node).toMatchObject({
      resultsProblem: null,
      ansibleVersion: '2.19.0',
      recap: expect.arrayContaining([
        { host: 'host1', ok: 59, changed: 59, failed: 1 },
        { host: 'host2', ok: 60, changed: 60, failed: 0 },
      ]) as unknown,
      failures: [
        {
          hosts: ['host1'],
          task: 'task 1',
          message: 'it broke',
          file: 'a.yaml',
          line: 1,
          logLine: 1,
          status: 'FAILED',
        },
      ],
    });
  });
});

/** On one storage: what Ansible says is the same on both. */
describe('what went wrong in a run of real Ansible', () => {
  const shared = useServer({
    storage: SQLITE,
    ansible: 'real',
    playbooks: {
      'site/ansible.cfg': '[defaults]\ninventory = hosts.ini\n',
      'site/hosts.ini':
        'web1 ansible_connection=local\nweb2 ansible_connection=local\ndb ansible_connection=ssh ansible_port=1 ansible_host=127.0.0.1\n[all:vars]\nansible_python_interpreter={{ ansible_playbook_python }}\n',
      'site/web.yaml': `- hosts: all
  gather_facts: false
  tasks:
    - name: Look for the certificate
      ansible.builtin.command: ls /no/such/certificate
`,
      'site/broken.yaml': '- hosts: all\n  tasks:\n    - no_such_module_at_all: {}\n',
    },
  });

  const outcomeOf = async (playbook: string) => {
    const { api } = shared();
    const id = await runPlaybook(api, playbook);
    const run = await waitForEnd(() => api, id);
    const { node } = await api.request<{
      node: { failures: { logLine: number }[]; recap: object[]; resultsProblem: string | null };
    }>(
      'query ($id: ID!) { node(id: $id) { ... on Run { resultsProblem recap { host failed unreachable } failures { hosts task message file line logLine status } } } }',
      { id },
    );
    return { run, ...node, log: (await readLog(api, id)).text.split('\n') };
  };

  it('is told with its cause, its hosts, and its place in playbook and log', async () => {
    const { run, failures, recap, resultsProblem, log } = await outcomeOf('site/web.yaml');
    expect(run.status).toBe('FAILED');
    expect(resultsProblem).toBeNull();
    expect(recap).toEqual(
      expect.arrayContaining([
        { host: 'web1', failed: 1, unreachable: 0 },
        { host: 'db', failed: 0, unreachable: 1 },
      ]),
    );
    expect(failures).toHaveLength(2);
    expect(failures).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          hosts: expect.arrayContaining(['web1', 'web2']) as unknown,
          task: 'Look for the certificate',
          message: expect.stringMatching(
            /^exit code 2: ls: cannot access .*No such file or directory$/,
          ) as unknown,
          file: 'site/web.yaml',
          line: 4,
          status: 'FAILED',
        }),
        expect.objectContaining({
          hosts: ['db'],
          status: 'UNREACHABLE',
          message: expect.stringContaining('Connection refused') as unknown,
        }),
      ]),
    );
    for (const { logLine } of failures)
      expect(log.slice(logLine - 3, logLine + 1).join('\n')).toMatch(/FAILED!|UNREACHABLE!/);
  });

  it('is told in the same form where no task ran', async () => {
    const { failures, recap, log } = await outcomeOf('site/broken.yaml');
    expect(recap).toEqual([]);
    expect(failures).toEqual([
      {
        hosts: [],
        task: '',
        message: expect.stringMatching(
          /^Nothing ran: .*module no_such_module_at_all was not found/,
        ) as unknown,
        file: 'site/broken.yaml',
        line: 3,
        logLine: expect.any(Number) as unknown,
        status: 'FAILED',
      },
    ]);
    expect(log[(failures[0]?.logLine ?? 0) - 1]).toContain('ERROR');
  });
});
