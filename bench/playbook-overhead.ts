import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findAnsible } from '../tests/support/ansible.ts';
import { collect, type LogBatch, RUN_LOG } from '../tests/support/api-client.ts';
import { runPlaybook } from '../tests/support/operations.ts';
import { type Measure, median } from './measure.ts';
import { withBuiltServer } from './setting.ts';

const PAIRS = 20;
const PLAYBOOK = `- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: hello
`;

/** From the request to the last line and the true end, over the same playbook run bare, in turns. */
export function playbookOverhead(): Promise<Measure[]> {
  const playbooks = { 'hello.yaml': PLAYBOOK };
  return withBuiltServer({ program: 'real', playbooks }, async (server) => {
    const folder = join(server.dataDir, 'playbooks');
    const bareRun = async () => {
      const begun = performance.now();
      await promisify(execFile)(findAnsible(), ['hello.yaml'], { cwd: folder });
      return performance.now() - begun;
    };
    const ours = async () => {
      const begun = performance.now();
      const runId = await runPlaybook(server.api, 'hello.yaml');
      await collect(server.api.overWebSocket<{ runLog: LogBatch }>(RUN_LOG, { runId }));
      return performance.now() - begun;
    };
    await bareRun();
    await ours();
    const pairs: { bare: number; ours: number }[] = [];
    for (let n = 0; n < PAIRS; n += 1) {
      // in turns, so that neither always has the warmer cache
      if (n % 2 === 0) pairs.push({ bare: await bareRun(), ours: await ours() });
      else {
        const first = await ours();
        pairs.push({ ours: first, bare: await bareRun() });
      }
    }
    const [value, limit] = [median(pairs.map((pair) => pair.ours)), median(pairs.map((pair) => pair.bare))];
    const ratio = value / limit;
    return [
      {
        name: 'a trivial playbook, request to end',
        storage: 'sqlite',
        value,
        unit: 'ms p50',
        limit,
        limitIs: 'bare ansible-playbook',
        goal: '≤ 1.03 × bare',
        isReached: ratio <= 1.03,
        details: { ratio, medianOfPairs: median(pairs.map((pair) => pair.ours / pair.bare)), pairs: PAIRS },
      },
    ];
  });
}
