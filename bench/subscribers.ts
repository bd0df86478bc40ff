import { fork } from 'node:child_process';
import { once } from 'node:events';
import { runPlaybook, waitForEnd } from '../tests/support/operations.ts';
import { memoryOf } from '../tests/support/processes.ts';
import { withBareServer } from './bare.ts';
import { type Measure, resetPeakMemory } from './measure.ts';
import { onEachStorage, withBuiltServer } from './setting.ts';
import type { SubscribersJob, SubscribersResult } from './subscribers-client.ts';

const LINES = 10_000;
const SUBSCRIBERS = 1_000;
const PROGRAM = `#!/bin/sh\nexec seq -f %079.0f ${LINES}\n`;

/** 1,000 readers of one log, in a process of their own; then the same with some that stop reading. */
export function subscribers(): Promise<Measure[]> {
  return onEachStorage((storage) =>
    withBuiltServer({ storage, program: PROGRAM }, async (server) => {
      const runId = await runPlaybook(server.api, 'a.yaml');
      await waitForEnd(() => server.api, runId);
      const { url, pid } = server.server;
      resetPeakMemory(pid);
      const before = memoryOf(pid).now;
      const job = { url, runId, lines: LINES, subscribers: SUBSCRIBERS };
      const bare = await withBareServer('subscribers', String(LINES), ({ url: bareUrl }) =>
        readAll({ ...job, url: bareUrl, stalled: 0 }),
      );
      const alone = await readAll({ ...job, stalled: 0 });
      const stalled = await readAll({ ...job, stalled: 50 });
      const growth = memoryOf(pid).peak - before;
      const rate = (result: SubscribersResult) => result.lines / (result.ms / 1_000);
      return [
        {
          name: `${SUBSCRIBERS.toLocaleString('en')} subscribers of one log`,
          storage,
          value: rate(alone),
          unit: 'lines/s in all',
          limit: rate(bare),
          limitIs: 'messages made once',
          goal: '≥ 2,000,000, none lost',
          isReached: rate(alone) >= 2_000_000 && alone.lost === 0 && stalled.lost === 0,
          details: {
            lost: alone.lost,
            withFiftyStalled: rate(stalled),
            lostBesideStalled: stalled.lost,
            peakGrowthMb: growth,
          },
        },
      ];
    }),
  );
}

async function readAll(job: SubscribersJob): Promise<SubscribersResult> {
  const client = fork(new URL('./subscribers-client.ts', import.meta.url), {
    execArgv: ['--import', 'tsx', '--max-old-space-size=2048'],
  });
  client.send(job);
  const [result] = (await once(client, 'message')) as [SubscribersResult];
  await once(client, 'exit');
  return result;
}
