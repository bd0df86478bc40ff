import { join } from 'node:path';
import { openStorage } from '../server/storage/open-storage.ts';
import type { Storage } from '../server/storage/storage.ts';
import { TIMINGS } from '../server/timings.ts';
import { makeRun, NOON } from '../tests/support/make.ts';
import { createSchedule } from '../tests/support/operations.ts';
import { makeTempDir } from '../tests/support/temp-dir.ts';
import { type BareServer, withBareStorage } from './bare.ts';
import { inParallel } from './fires.ts';
import { type Measure, median } from './measure.ts';
import {
  ANY_PLAYBOOK,
  type BenchServer,
  onEachStorage,
  type StorageName,
  storageChoice,
  withBuiltServer,
} from './setting.ts';

const QUERY = '{ schedules(first: 50) { edges { node { id name playbook nextRunAt } } } }';
const REQUESTS = 300;

/** The first page of 50 schedules, of few and of many. */
export function lists(): Promise<Measure[]> {
  return onEachStorage(async (storage) => {
    const bare = await withBareStorage(storage, barePage);
    return withBuiltServer({ storage, program: '#!/bin/sh\n', playbooks: ANY_PLAYBOOK }, async (server) => {
      await fill(server, 0, 100);
      const few = await timePages(server);
      await fill(server, 100, 10_000);
      const many = await timePages(server);
      return [
        {
          name: 'first page of 50 schedules, of 10,000',
          storage,
          value: many,
          unit: 'ms p50',
          limit: bare,
          limitIs: '50 rows over bare HTTP',
          goal: '≤ 5 ms, ≤ 1.2 × of 100',
          isReached: many <= 5 && many / few <= 1.2,
          details: { of100: few, ratio: many / few },
        },
      ];
    });
  });
}

const RUNS = 20_000;

/** The first page of the history, and the last runs of a page of schedules, of few runs and of many: on the store itself. */
export function runHistory(): Promise<Measure[]> {
  return onEachStorage((storage) =>
    withStorage(storage, async ({ runs }) => {
      const schedules = Array.from({ length: 50 }, (_, n) => `schedule-${n}`);
      const insert = (from: number, to: number) =>
        inParallel(to - from, 16, (n) =>
          runs.insert(
            makeRun({
              status: 'succeeded',
              scheduleId: schedules[n % 50] ?? null,
              queuedAt: new Date(NOON.getTime() + (from + n) * 1_000),
            }),
          ),
        );
      const time = async () => {
        const times: number[] = [];
        for (let n = 0; n < 100; n += 1) {
          const begun = performance.now();
          const page = await runs.list({}, { limit: 50, cursor: null, backward: false });
          await runs.lastOfSchedules(schedules);
          times.push(performance.now() - begun);
          if (page.items.length !== 50) throw new Error(`A page of ${page.items.length}.`);
        }
        return median(times);
      };
      await insert(0, 200);
      const few = await time();
      await insert(200, RUNS);
      const many = await time();
      return [
        {
          name: 'first page of 50 runs and 50 last runs, of 20,000',
          storage,
          value: many,
          unit: 'ms p50',
          limit: few,
          limitIs: 'of 200',
          goal: '≤ 1.2 × of 200',
          isReached: many / few <= 1.2,
          details: { ratio: many / few },
        },
      ];
    }),
  );
}

async function withStorage<T>(kind: StorageName, work: (storage: Storage) => Promise<T>): Promise<T> {
  const folder = await makeTempDir();
  const choice = storageChoice(kind);
  const storage = await openStorage({
    mongodbUri: choice.env.MONGODB_URI ?? null,
    sqlitePath: join(folder.path, 'sible.sqlite'),
    timings: TIMINGS,
  });
  try {
    return await work(storage);
  } finally {
    await storage.close();
    await choice.drop();
    await folder.remove();
  }
}

async function fill(server: BenchServer, from: number, to: number): Promise<void> {
  await inParallel(to - from, 8, async (n) => {
    await createSchedule(server.api, 'a.yaml', `${n % 60} ${n % 24} 1 1 *`, { name: `schedule ${from + n}` });
  });
}

/** The same page of as many rows, as the database alone gives it. */
async function barePage({ url }: BareServer): Promise<number> {
  await inParallel(10_000, 8, async (n) => {
    const body = JSON.stringify({ name: `schedule ${n}`, playbook: 'a.yaml', timing: { cron: '0 3 1 1 *' } });
    await (await fetch(url, { method: 'POST', body })).text();
  });
  const times: number[] = [];
  for (let n = 0; n < REQUESTS; n += 1) {
    const begun = performance.now();
    await (await fetch(url)).json();
    times.push(performance.now() - begun);
  }
  return median(times.slice(50));
}

async function timePages(server: BenchServer): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < REQUESTS; n += 1) {
    const begun = performance.now();
    const page = await server.api.request<{ schedules: { edges: unknown[] } }>(QUERY);
    times.push(performance.now() - begun);
    if (page.schedules.edges.length !== 50) throw new Error(`A page of ${page.schedules.edges.length}.`);
  }
  // the first ones compile
  return median(times.slice(50));
}
