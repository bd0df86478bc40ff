import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync } from 'node:fs';
import { join } from 'node:path';
import { runPlaybook, waitForEnd } from '../tests/support/operations.ts';
import { memoryOf } from '../tests/support/processes.ts';
import { type Measure, median, resetPeakMemory } from './measure.ts';
import { type BenchServer, onEachStorage, withBuiltServer } from './setting.ts';

const LINES = 1_000_000;
/** 79 digits and a newline. */
const PROGRAM = `#!/bin/sh\nexec seq -f %079.0f ${LINES}\n`;
const ROUNDS = 3;

export function logCapture(): Promise<Measure[]> {
  return onEachStorage((storage) =>
    withBuiltServer({ storage, program: PROGRAM }, async (server, program) => {
      const [bare, ours]: [number[], number[]] = [[], []];
      const { pid } = server.server;
      const file = join(server.folder, 'bare.log');
      // where Ansible's Python is missing, a thread reads the playbook before it is first run: no part of the log
      await server.api.request('{ playbook(path: "a.yaml") { problem } }');
      const before = memoryOf(pid).now;
      resetPeakMemory(pid);
      const ids: string[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        bare.push(await intoFile(program, file));
        const begun = performance.now();
        const id = await runPlaybook(server.api, 'a.yaml');
        const run = await waitForEnd(() => server.api, id, { slowestMs: 25 });
        ours.push(performance.now() - begun);
        if (run.status !== 'SUCCEEDED') throw new Error(JSON.stringify(run));
        ids.push(id);
      }
      const growth = memoryOf(pid).peak - before;
      let kept = 0;
      for (const id of ids)
        if ((await hashOf(createReadStream(file))) === (await hashOfLog(server, id))) kept += 1;
      const [value, limit] = [median(ours), median(bare)];
      return [
        {
          name: `${LINES.toLocaleString('en')} lines of 80 bytes, printed to stored`,
          storage,
          value,
          unit: 'ms p50',
          limit,
          limitIs: 'the same program into a file',
          goal: '≤ 2.3 × the file, memory ≤ 50 MB, every line',
          isReached: value / limit <= 2.3 && growth <= 50 && kept === ROUNDS,
          details: { ratio: value / limit, growthMb: growth, roundsWithEveryLine: `${kept} of ${ROUNDS}` },
        },
      ];
    }),
  );
}

function intoFile(program: string, path: string): Promise<number> {
  const begun = performance.now();
  const file = openSync(path, 'w');
  return new Promise((resolve, reject) => {
    spawn(program, { stdio: ['ignore', file, file] })
      .on('error', reject)
      .on('exit', () => {
        closeSync(file);
        resolve(performance.now() - begun);
      });
  });
}

async function hashOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

async function hashOfLog(server: BenchServer, runId: string): Promise<string> {
  const response = await fetch(`${server.server.url}/runs/${encodeURIComponent(runId)}/log`);
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  return hashOf(response.body);
}
