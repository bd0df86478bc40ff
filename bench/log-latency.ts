import { WebSocket } from 'ws';
import { type LogBatch, RUN_LOG } from '../tests/support/api-client.ts';
import { runPlaybook } from '../tests/support/operations.ts';
import { withBareServer } from './bare.ts';
import { type Measure, maximum, median, percentile } from './measure.ts';
import { onEachStorage, withBuiltServer, withProgram } from './setting.ts';

/** Each line says when it was printed. The first ones are printed before anybody listens. */
const printer = (everyMs: number, atOnce: number, count: number) => `#!/usr/bin/env node
const { writeSync } = require('node:fs');
let n = 0;
const begun = performance.now();
(function next() {
  const due = Math.floor((performance.now() - begun) / ${everyMs}) * ${atOnce};
  while (n < Math.min(due, ${count})) {
    let text = '';
    for (let i = 0; i < ${atOnce}; i += 1, n += 1) text += (performance.timeOrigin + performance.now()).toFixed(3) + ' ' + n + '\\n';
    writeSync(1, text);
  }
  if (n < ${count}) setTimeout(next, ${Math.min(everyMs, 5)});
})();
`;

async function measureLines(
  storage: 'sqlite' | 'mongodb',
  program: string,
  count: number,
  skip: number,
): Promise<{ late: number[]; received: number }> {
  return withBuiltServer({ storage, program }, async ({ api }) => {
    const runId = await runPlaybook(api, 'a.yaml');
    const late: number[] = [];
    let received = 0;
    for await (const { runLog } of api.overWebSocket<{ runLog: LogBatch }>(RUN_LOG, { runId })) {
      const now = performance.timeOrigin + performance.now();
      for (const line of runLog.text.split('\n')) {
        const [printed, number] = line.split(' ');
        if (Number(number) !== received) throw new Error(`Line ${received} is "${line}".`);
        received += 1;
        // the ones at first were printed before the subscription
        if (received > skip) late.push(now - Number(printed));
      }
    }
    if (received !== count) throw new Error(`${received} of ${count} lines came.`);
    return { late, received };
  });
}

/** The same lines through nothing but a pipe and a WebSocket. */
function measureBare(program: string, skip: number): Promise<number[]> {
  return withProgram(program, (path) =>
    withBareServer('relay', path, async ({ url }) => {
      const socket = new WebSocket(url.replace('http', 'ws'));
      const late: number[] = [];
      let received = 0;
      let rest = '';
      socket.on('message', (data: Buffer) => {
        const now = performance.timeOrigin + performance.now();
        const lines = (rest + data.toString('latin1')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          received += 1;
          if (received > skip) late.push(now - Number(line.split(' ', 1)[0]));
        }
      });
      await new Promise<void>((resolve, reject) =>
        socket.once('close', () => resolve()).once('error', reject),
      );
      return late;
    }),
  );
}

export function logLatency(): Promise<Measure[]> {
  const count = 400;
  return onEachStorage(async (storage) => {
    const bare = await measureBare(printer(50, 1, count), 20);
    const { late } = await measureLines(storage, printer(50, 1, count), count, 20);
    const [p50, p99] = [median(late), percentile(late, 0.99)];
    return [
      {
        name: 'line printed to received, 20 lines/s',
        storage,
        value: p50,
        unit: 'ms p50',
        limit: median(bare),
        limitIs: 'a pipe and a WebSocket',
        goal: 'p50 ≤ 2, p99 ≤ 15',
        isReached: p50 <= 2 && p99 <= 15,
        details: { p99, max: maximum(late), bareP99: percentile(bare, 0.99), lines: late.length },
      },
    ];
  });
}

export function logRate(): Promise<Measure[]> {
  const count = 200_000;
  return onEachStorage(async (storage) => {
    const bare = await measureBare(printer(5, 100, count), 20_000);
    const { late, received } = await measureLines(storage, printer(5, 100, count), count, 20_000);
    const p99 = percentile(late, 0.99);
    return [
      {
        name: 'line printed to received, 20,000 lines/s',
        storage,
        value: p99,
        unit: 'ms p99',
        limit: percentile(bare, 0.99),
        limitIs: 'a pipe and a WebSocket',
        goal: 'p99 ≤ 30, none lost',
        isReached: p99 <= 30 && received === count,
        details: { p50: median(late), max: maximum(late), lost: count - received },
      },
    ];
  });
}
