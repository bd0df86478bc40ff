import { expect, it } from 'vitest';
import { createSchedule, listRuns, runPlaybook, waitForEnd } from '../support/operations.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';

const INVENTORY = `[web]
web1
web2
web3
away ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1
[db]
db1
[all:vars]
ansible_connection=local
ansible_python_interpreter="{{ ansible_playbook_python }}"
`;
const PLAYBOOK = `- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
    - ansible.builtin.fail: { msg: on purpose }
      when: inventory_hostname in ["web1", "web3"]
`;

interface View {
  readonly id: string;
  readonly trigger: string;
  readonly retryOf: { readonly id: string } | null;
  readonly onlyHosts: readonly string[] | null;
  readonly parameters: { readonly limit: string };
  readonly recap: readonly { readonly host: string; readonly failed: number }[];
}

const RERUN =
  'mutation ($input: RerunInput!) { rerun(input: $input) { ... on RerunPayload { run { id } } ... on Error { message } } }';
const VIEW =
  'query ($id: ID!) { node(id: $id) { ... on Run { id trigger retryOf { id } onlyHosts parameters { limit } recap { host failed } } } }';

describeOnBothStorages('running again', (choose) => {
  const shared = useServer(() => ({
    storage: choose(),
    ansible: 'real',
    playbooks: { 'web.yaml': PLAYBOOK, 'hosts.ini': INVENTORY },
  }));

  it('touches only the hosts that failed, and then only those that failed again', async () => {
    const { api } = shared();
    const rerun = async (id: string, hosts: string): Promise<View> => {
      const { rerun: result } = await api.request<{ rerun: { run?: { id: string } } }>(RERUN, {
        input: { id, hosts },
      });
      if (!result.run) throw new Error(JSON.stringify(result));
      await waitForEnd(() => api, result.run.id);
      return (await api.request<{ node: View }>(VIEW, { id: result.run.id })).node;
    };
    const parameters = { inventories: ['hosts.ini'], limit: 'web' };
    const first = await runPlaybook(api, 'web.yaml', parameters);
    await waitForEnd(() => api, first);

    const failed = await rerun(first, 'FAILED');
    const all = await rerun(failed.id, 'ALL');
    const unreachable = await rerun(first, 'UNREACHABLE');

    expect(failed).toMatchObject({ trigger: 'RETRY', retryOf: { id: first }, parameters: { limit: 'web' } });
    expect([...(failed.onlyHosts ?? [])].sort()).toEqual(['web1', 'web3']);
    const hostsOf = ({ recap }: View) => recap.map(({ host }) => host).sort();
    expect(hostsOf(failed)).toEqual(['web1', 'web3']);
    expect(all.retryOf?.id).toBe(failed.id);
    expect(hostsOf(all)).toEqual(['web1', 'web3']);
    expect(hostsOf(unreachable)).toEqual(['away']);
  });

  it('counts for the schedule', async () => {
    const { api } = shared();
    const id = await createSchedule(api, 'web.yaml', '0 3 1 1 *', {
      parameters: { inventories: ['hosts.ini'], limit: 'db' },
    });
    await api.request('mutation ($id: ID!) { triggerSchedule(input: { id: $id }) { __typename } }', { id });
    const [first] = await listRuns(api, id);
    await waitForEnd(() => api, first?.id ?? '');

    const { rerun } = await api.request<{ rerun: { run: { id: string } } }>(RERUN, {
      input: { id: first?.id },
    });

    expect((await listRuns(api, id)).map((run) => run.id)).toEqual([rerun.run.id, first?.id]);
    expect(await waitForEnd(() => api, rerun.run.id)).toMatchObject({ status: 'SUCCEEDED' });
    const { rerun: refused } = await api.request<{ rerun: object }>(RERUN, {
      input: { id: rerun.run.id, hosts: 'FAILED' },
    });
    expect(refused).toEqual({ message: 'No host of this run failed.' });
  });
});
