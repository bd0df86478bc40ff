import { expect } from 'vitest';
import type { Run, RunFilter } from '../../server/domain/runs/run.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { NO_PARAMETERS } from '../../shared/run-parameters.ts';
import { makeEnd, makePage, makeRun, minutesAfter, NOON, summaryOf } from '../support/make.ts';
import { readAll } from '../support/read-all.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

/** Storing, finding and listing runs. */
export function describeRunStore(open: OpenStorage): void {
  const test = storageTest(open);

  test('gives back every field as it was stored', async ({ runs }) => {
    const stored = [
      makeRun({ parameters: { ...NO_PARAMETERS, extraVarsJson: '{"a.$b":["\\u0000",{}]}', forks: 500 } }),
      makeRun({
        status: 'timedOut',
        trigger: 'schedule',
        scheduleId: 'schedule',
        scheduledFor: NOON,
        queuedAt: new Date('2026-11-23T12:00:00.001Z'),
        startedAt: new Date('2026-11-23T12:00:00.002Z'),
        finishedAt: new Date('2026-11-23T12:00:00.003Z'),
        place: { workingFolder: '', ansibleConfig: null },
        exitCode: 143,
        reason: 'It took longer than 1 hour.',
        workerId: 'node-1',
        cancelRequestedAt: new Date('2026-11-23T12:00:00.005Z'),
      }),
      makeRun({ status: 'running', trigger: 'retry', workerId: 'w', leaseUntil: NOON, exitCode: null }),
      makeRun({
        trigger: 'retry',
        retryOf: 'an-earlier-one',
        onlyHosts: ['web1', '!ü:*,\n', ''],
      }),
      makeRun({ place: { workingFolder: 'ä/b', ansibleConfig: '/etc/ansible/ansible.cfg' } }),
    ];

    for (const run of stored) await runs.insert(run);

    expect(await Promise.all(stored.map(({ id }) => runs.find(id)))).toEqual(stored);
    expect(await runs.findMany(stored.map(({ id }) => id))).toEqual(stored.map((run) => summaryOf(run)));
  });

  test('refuses an id that is taken and leaves what is there', async ({ runs }) => {
    const run = makeRun();
    await runs.insert(run);

    await expect(runs.insert({ ...run, playbook: 'other.yaml' })).rejects.toThrow();

    expect(await runs.find(run.id)).toEqual(run);
    expect(await runs.count({})).toBe(1);
  });

  test('finds several in the order asked for, null where there is none', async ({ runs }) => {
    const [a, b] = [makeRun(), makeRun()];
    await runs.insert(a);
    await runs.insert(b);

    expect(await runs.findMany([b.id, 'none', a.id, b.id])).toEqual(
      [b, null, a, b].map((run) => summaryOf(run)),
    );
    expect(await runs.findMany([])).toEqual([]);
    expect(await runs.find('none')).toBeNull();
  });

  test('lists newest first, then by id, page by page, both ways', async (storage) => {
    const inserted = await insertAll(
      storage,
      Array.from({ length: 9 }, (_, i) => ({
        id: `id-${(i * 4) % 9}`,
        queuedAt: minutesAfter(NOON, Math.floor(i / 3)),
      })),
    );
    const newestFirst = inserted
      .toSorted((a, b) => b.queuedAt.getTime() - a.queuedAt.getTime() || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id);

    for (const limit of [1, 2, 4, 9, 10]) {
      for (const backward of [false, true]) {
        const read = await readAll((page) => storage.runs.list({}, page), limit, backward);
        expect(
          read.map(({ id }) => id),
          `pages of ${limit}, backward: ${backward}`,
        ).toEqual(newestFirst);
      }
    }
  });

  test('goes on behind its cursor when runs come meanwhile', async (storage) => {
    await insertAll(storage, [{ id: 'a' }, { id: 'b', queuedAt: minutesAfter(NOON, 1) }]);
    const first = await storage.runs.list({}, makePage({ limit: 1 }));

    await insertAll(storage, [{ id: 'c', queuedAt: minutesAfter(NOON, 2) }]);

    const cursor = first.items[0]?.cursor ?? '';
    expect(first.hasMore).toBe(true);
    const next = await storage.runs.list({}, makePage({ cursor }));
    expect(next.items.map(({ node }) => node.id)).toEqual(['a']);
    const before = await storage.runs.list({}, makePage({ cursor, backward: true }));
    expect(before.items.map(({ node }) => node.id)).toEqual(['c']);
  });

  test('filters by status, schedule and playbook, alone and together', async (storage) => {
    await insertAll(storage, [
      { id: '1', status: 'queued', scheduleId: 's', playbook: 'a.yaml' },
      { id: '2', status: 'running', scheduleId: 's', playbook: 'b.yaml' },
      { id: '3', status: 'failed', scheduleId: 's', playbook: 'a.yaml' },
      { id: '4', status: 'failed', scheduleId: 't', playbook: 'a.yaml' },
      { id: '5', status: 'succeeded', scheduleId: null, playbook: 'a.yaml' },
    ]);
    const cases: [RunFilter, string[]][] = [
      [{}, ['1', '2', '3', '4', '5']],
      [{ status: [] }, ['1', '2', '3', '4', '5']],
      [{ status: undefined, scheduleId: undefined, playbook: undefined }, ['1', '2', '3', '4', '5']],
      [{ status: ['failed'] }, ['3', '4']],
      [{ status: ['queued', 'running', 'succeeded'] }, ['1', '2', '5']],
      [{ status: ['lost'] }, []],
      [{ scheduleId: 's' }, ['1', '2', '3']],
      [{ scheduleId: 'none' }, []],
      [{ playbook: 'a.yaml' }, ['1', '3', '4', '5']],
      [{ status: ['failed', 'queued'], scheduleId: 's', playbook: 'a.yaml' }, ['1', '3']],
    ];

    for (const [filter, expected] of cases) {
      const newestFirst = expected.toReversed();
      expect(await storage.runs.count(filter), JSON.stringify(filter)).toBe(expected.length);
      for (const backward of [false, true]) {
        const read = await readAll((page) => storage.runs.list(filter, page), 2, backward);
        expect(
          read.map(({ id }) => id),
          JSON.stringify(filter),
        ).toEqual(newestFirst);
      }
    }
  });

  test('gives the newest run of each schedule', async (storage) => {
    await insertAll(storage, [
      { id: 's-old', scheduleId: 's', queuedAt: NOON },
      { id: 's-new', scheduleId: 's', queuedAt: minutesAfter(NOON, 1), status: 'failed' },
      { id: 't-1', scheduleId: 't', queuedAt: NOON },
      { id: 't-2', scheduleId: 't', queuedAt: NOON },
      { id: 'u-1', scheduleId: 'u' },
      { id: 'by-hand', scheduleId: null },
    ]);

    const last = await storage.runs.lastOfSchedules(['t', 's', 'none']);

    expect(last).toEqual(
      new Map([
        ['t', summaryOf(await storage.runs.find('t-2'))],
        ['s', summaryOf(await storage.runs.find('s-new'))],
      ]),
    );
    expect(await storage.runs.lastOfSchedules([])).toEqual(new Map());
  });

  test('lists the runs of schedules that are queued or running', async (storage) => {
    await insertAll(storage, [
      { id: '1', status: 'queued', scheduleId: 's' },
      { id: '2', status: 'running', scheduleId: 's' },
      { status: 'lost', scheduleId: 's' },
      { status: 'succeeded', scheduleId: 's' },
      { id: '3', status: 'queued', scheduleId: 't' },
      { status: 'queued', scheduleId: null },
    ]);

    const active = await storage.runs.listActive(['s', 't', 'none']);
    expect([...active.keys()].sort()).toEqual(['s', 't']);
    expect([...(active.get('s') ?? [])].sort((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: '1', status: 'queued' },
      { id: '2', status: 'running' },
    ]);
    expect(active.get('t')).toEqual([{ id: '3', status: 'queued' }]);
    expect(await storage.runs.listActive([])).toEqual(new Map());
  });

  test('lists those that run under a worker', async (storage) => {
    await insertAll(storage, [
      { id: '1', status: 'running', workerId: 'w' },
      { id: '2', status: 'running', workerId: 'v' },
      { id: '3', status: 'succeeded', workerId: 'w' },
      { id: '4', status: 'running', workerId: 'w' },
      { id: '5', status: 'lost', workerId: 'w' },
    ]);

    const running = await storage.runs.listRunningOf('w');

    expect(running.map(({ id }) => id).sort()).toEqual(['1', '4']);
    expect(running.find(({ id }) => id === '1')).toEqual(summaryOf(await storage.runs.find('1')));
    expect(await storage.runs.listRunningOf('none')).toEqual([]);
  });

  test('lists those whose lease ended before an instant, a limited number', async (storage) => {
    await insertAll(storage, [
      { id: 'ended', status: 'running', workerId: 'w', leaseUntil: new Date(NOON.getTime() - 1) },
      { id: 'just', status: 'running', workerId: 'w', leaseUntil: NOON },
      { id: 'holds', status: 'running', workerId: 'w', leaseUntil: minutesAfter(NOON, 1) },
      { id: 'queued', status: 'queued' },
      { id: 'lost', status: 'lost', workerId: 'w' },
    ]);
    const expired = async (now: Date, limit: number) =>
      (await storage.runs.listExpired(now, limit)).map(({ id }) => id).sort();

    expect(await expired(NOON, 10)).toEqual(['ended']);
    expect(await expired(new Date(NOON.getTime() + 1), 10)).toEqual(['ended', 'just']);
    expect(await expired(minutesAfter(NOON, 5), 2)).toHaveLength(2);
    await storage.runs.finish('ended', 'w', makeEnd({ status: 'lost' }), NOON);
    expect(await expired(NOON, 10)).toEqual([]);
  });

  test('lists those queued before an instant, oldest first, a limited number', async (storage) => {
    await insertAll(storage, [
      { id: '3', queuedAt: minutesAfter(NOON, 3) },
      { id: '1', queuedAt: minutesAfter(NOON, 1) },
      { id: '2', queuedAt: minutesAfter(NOON, 2) },
      { id: 'running', status: 'running', workerId: 'w', queuedAt: NOON },
    ]);
    const queued = async (before: Date, limit: number) =>
      (await storage.runs.listQueued(before, limit)).map(({ id }) => id);

    expect(await queued(minutesAfter(NOON, 9), 10)).toEqual(['1', '2', '3']);
    expect(await queued(minutesAfter(NOON, 9), 2)).toEqual(['1', '2']);
    expect(await queued(minutesAfter(NOON, 3), 10)).toEqual(['1', '2']);
    expect(await queued(NOON, 10)).toEqual([]);
  });
}

async function insertAll(storage: Storage, overrides: readonly Partial<Run>[]): Promise<Run[]> {
  const runs = overrides.map(makeRun);
  for (const run of runs) await storage.runs.insert(run);
  return runs;
}
