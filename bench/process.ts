import { setTimeout as delay } from 'node:timers/promises';
import { createSchedule } from '../tests/support/operations.ts';
import { memoryOf } from '../tests/support/processes.ts';
import { withBareStorage } from './bare.ts';
import { inParallel } from './fires.ts';
import { cpuOf, type Measure, maximum, median } from './measure.ts';
import { onEachStorage, withBuiltServer } from './setting.ts';

const STARTS = 7;
const SCHEDULES = 1_000;
const SETTLE_SECONDS = 20;
const IDLE_SECONDS = 60;

/** On data that is there already, until it says that it is ready. */
export function secondStart(): Promise<Measure[]> {
  return onEachStorage(async (storage) => {
    const bare: number[] = [];
    for (let n = 0; n < STARTS; n += 1)
      await withBareStorage(storage, async ({ startMs }) => bare.push(startMs));
    return withBuiltServer({ storage, program: '#!/bin/sh\n' }, async (server) => {
      const times: number[] = [];
      for (let n = 0; n < STARTS; n += 1) {
        await server.server.stop();
        const begun = performance.now();
        await server.restart();
        const response = await fetch(`${server.server.url}/readyz`);
        times.push(performance.now() - begun);
        if (!response.ok) throw new Error(await response.text());
      }
      const value = median(times);
      return [
        {
          name: 'second start to /readyz',
          storage,
          value,
          unit: 'ms p50',
          limit: median(bare),
          limitIs: 'bare HTTP with the same driver',
          goal: '≤ 500 ms',
          isReached: value <= 500,
          details: { max: maximum(times) },
        },
      ];
    });
  });
}

/** With 1,000 schedules of which none is due. */
export function idle(): Promise<Measure[]> {
  return onEachStorage(async (storage) => {
    const bare = await withBareStorage(storage, async ({ url, pid }) => {
      await (await fetch(url)).text();
      await delay(SETTLE_SECONDS * 1_000);
      return memoryOf(pid).now;
    });
    return withBuiltServer({ storage, program: '#!/bin/sh\n' }, async (server) => {
      await inParallel(SCHEDULES, 8, async (n) => {
        await createSchedule(server.api, 'a.yaml', '0 3 1 1 *', { name: `schedule ${n}` });
      });
      await server.server.stop();
      await server.restart();
      const { pid } = server.server;
      // what the start has left is collected by then
      await delay(SETTLE_SECONDS * 1_000);
      const before = cpuOf(pid);
      await delay(IDLE_SECONDS * 1_000);
      const cpu = (cpuOf(pid) - before) / (IDLE_SECONDS * 10);
      const memory = memoryOf(pid).now;
      const shared = { storage, details: { schedules: SCHEDULES } };
      return [
        {
          ...shared,
          name: 'memory when idle',
          value: memory,
          unit: 'MB',
          limit: bare,
          limitIs: 'bare HTTP with the same driver',
          goal: '≤ 90 MB',
          isReached: memory <= 90,
        },
        {
          ...shared,
          name: 'CPU when idle',
          value: cpu,
          unit: '%',
          limit: 0,
          limitIs: 'nothing to do',
          goal: '≤ 0.2 %',
          isReached: cpu <= 0.2,
        },
      ];
    });
  });
}
