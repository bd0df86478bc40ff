import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiClient } from '../tests/support/api-client.ts';
import { createSchedule } from '../tests/support/operations.ts';
import { waitUntil } from '../tests/support/wait-until.ts';
import { type Measure, maximum, median, percentile } from './measure.ts';
import { type BenchServer, onEachStorage, type StorageName, withBuiltServer } from './setting.ts';

/** Says when it was started, as the first thing that it does. One short line is appended whole. */
const CLOCK = '#!/bin/bash\n[ "$1" = --version ] && exit 1\necho "$EPOCHREALTIME" >>"$OUT/starts"\n';

const FIRES = 500;
const SCHEDULES = 10;

/** One schedule is due every 100 ms: each fires alone. */
export function fireLatency(): Promise<Measure[]> {
  return onEachStorage((storage) =>
    withBuiltServer({ storage, program: CLOCK, env: { SIBLE_CONCURRENCY: '8' } }, async (server, program) => {
      const bare = await bareLatency(program, server.folder);
      const first = Date.now() + 4_000;
      for (let n = 0; n < SCHEDULES; n += 1) {
        const anchor = new Date(first + (n * 1_000) / SCHEDULES).toISOString();
        await createSchedule(
          server.api,
          'a.yaml',
          { every: { seconds: 1, anchor } },
          { name: `every second ${n}` },
        );
      }
      await startsOf(server, FIRES);
      const runs = await listFired(server.api);
      const late = latenessOf(await startsOf(server, FIRES), 1_000 / SCHEDULES, first).slice(0, FIRES);
      const [p50, p99, max] = [median(late), percentile(late, 0.99), maximum(late)];
      return [
        {
          name: 'instant to process start, one due',
          storage,
          value: p50,
          unit: 'ms p50',
          limit: bare,
          limitIs: 'a bare spawn',
          goal: 'p50 ≤ 8, max ≤ 50',
          isReached: p50 <= 8 && max <= 50,
          details: { fires: late.length, p99, max, runs },
        },
      ];
    }),
  );
}

export async function dueTogether(): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const count of [100, 1_000]) {
    measures.push(...(await onEachStorage((storage) => together(storage, count))));
  }
  return measures;
}

async function together(storage: StorageName, count: number): Promise<Measure[]> {
  // as many as are due: what is measured is the way to the start, not the queue for a worker
  const env = { SIBLE_CONCURRENCY: String(count) };
  return withBuiltServer({ storage, program: CLOCK, env }, async (server, program) => {
    const bare = await bareLoop(program, server.folder, count);
    const instant = new Date(Date.now() + 10_000 + count * 12);
    await inParallel(count, 8, async (n) => {
      await createSchedule(server.api, 'a.yaml', { at: instant.toISOString() }, { name: `together ${n}` });
    });
    if (Date.now() > instant.getTime() - 3_000) throw new Error('The schedules were not created in time.');
    const starts = await startsOf(server, count);
    const late = starts.map((at) => at - instant.getTime());
    const value = percentile(late, 0.99);
    const runs = await listFired(server.api);
    const [ratio, goal] = [value / bare, storage === 'sqlite' ? 1.3 : 3];
    return [
      {
        name: `${count} due together`,
        storage,
        value,
        unit: 'ms p99',
        limit: bare,
        limitIs: 'a bare loop that spawns',
        goal: `≤ ${goal} × the loop, none lost or doubled`,
        isReached: ratio <= goal && starts.length === count && runs === count,
        details: { ratio, first: Math.min(...late), p50: median(late), starts: starts.length, runs },
      },
    ];
  });
}

/** Milliseconds from the spawn to the program's own clock, alone. */
async function bareLatency(program: string, folder: string): Promise<number> {
  const values: number[] = [];
  for (let n = 0; n < 50; n += 1) {
    const begun = performance.timeOrigin + performance.now();
    await spawned(program);
    const [at] = readStarts(folder);
    rmSync(join(folder, 'starts'));
    values.push((at ?? 0) - begun);
  }
  return median(values);
}

/** p99 of the starts of a loop that does nothing but spawn. */
async function bareLoop(program: string, folder: string, count: number): Promise<number> {
  const begun = performance.timeOrigin + performance.now();
  await Promise.all(Array.from({ length: count }, () => spawned(program)));
  const late = readStarts(folder).map((at) => at - begun);
  rmSync(join(folder, 'starts'));
  if (late.length !== count) throw new Error(`The loop started ${late.length} of ${count}.`);
  return percentile(late, 0.99);
}

function spawned(program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn(program, { stdio: 'ignore' })
      .on('error', reject)
      .on('exit', () => resolve());
  });
}

function readStarts(folder: string): number[] {
  const path = join(folder, 'starts');
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line) * 1_000);
}

async function startsOf(server: BenchServer, count: number): Promise<number[]> {
  return waitUntil(
    async () => {
      const starts = readStarts(server.folder);
      return starts.length >= count ? starts : null;
    },
    { withinMs: 180_000, everyMs: 250 },
  );
}

/** How long after its instant each start was; instants lie `stepMs` apart from `first` on. */
function latenessOf(starts: readonly number[], stepMs: number, first: number): number[] {
  return [...starts].sort((a, b) => a - b).map((at, n) => at - (first + n * stepMs));
}

async function listFired(api: ApiClient): Promise<number> {
  const { runs } = await api.request<{ runs: { totalCount: number } }>('{ runs(first: 1) { totalCount } }');
  return runs.totalCount;
}

export async function inParallel(count: number, width: number, work: (n: number) => Promise<void>) {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) {
        const n = next;
        next += 1;
        await work(n);
      }
    }),
  );
}
