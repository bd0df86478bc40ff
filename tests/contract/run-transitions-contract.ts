import { expect } from 'vitest';
import type { Run, RunEnd, RunStatus } from '../../server/domain/runs/run.ts';
import type { RunStore } from '../../server/storage/storage.ts';
import { makeEnd, makeRun, minutesAfter, NOON, summaryOf } from '../support/make.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

const ENDS: readonly RunEnd['status'][] = ['succeeded', 'failed', 'canceled', 'timedOut', 'lost'];
const LEASE = minutesAfter(NOON, 1);
const PLACE = { workingFolder: 'site', ansibleConfig: 'site/ansible.cfg' };

/** Every change of state of a run: allowed, refused, and raced for. */
export function describeRunTransitions(open: OpenStorage): void {
  const test = storageTest(open);

  test('a queued run is claimed by one of many workers', async ({ runs }) => {
    const run = await insert(runs, makeRun());

    const results = await Promise.all(
      ['a', 'b', 'c', 'd'].map((worker) => runs.claim(run.id, worker, NOON, LEASE, PLACE)),
    );

    const claimed = results.filter((result) => result !== null);
    expect(claimed).toHaveLength(1);
    const workerId = ['a', 'b', 'c', 'd'][results.findIndex((result) => result !== null)];
    const expected: Run = {
      ...run,
      status: 'running',
      workerId: workerId ?? null,
      startedAt: NOON,
      leaseUntil: LEASE,
      place: PLACE,
    };
    expect(claimed[0]).toEqual(summaryOf(expected));
    expect(await runs.find(run.id)).toEqual(expected);
  });

  test('only a queued run can be claimed', async ({ runs }) => {
    for (const status of ['running', ...ENDS] as RunStatus[]) {
      const run = await insert(runs, makeRun({ status, workerId: 'w' }));
      expect(await runs.claim(run.id, 'w', NOON, LEASE, PLACE), status).toBeNull();
      expect(await runs.find(run.id)).toEqual(run);
    }
    expect(await runs.claim('none', 'w', NOON, LEASE, PLACE)).toBeNull();
  });

  test('its worker gives a run back, and then it can be claimed again', async ({ runs }) => {
    const run = await insert(runs, makeRun());
    await runs.claim(run.id, 'w', NOON, LEASE, PLACE);
    await runs.requestCancel(run.id, NOON);

    expect(await runs.unclaim(run.id, 'other')).toBeNull();
    expect(await runs.unclaim(run.id, 'w')).toEqual(summaryOf({ ...run, cancelRequestedAt: NOON }));
    expect(await runs.unclaim(run.id, 'w')).toBeNull();
    expect(await runs.unclaim('none', 'w')).toBeNull();
    expect((await runs.claim(run.id, 'other', NOON, LEASE, PLACE))?.workerId).toBe('other');
  });

  test('its worker takes up a run again that others gave up, and nobody else does', async ({ runs }) => {
    const run = await insertRunning(runs);
    const lost = makeEnd({ status: 'lost', exitCode: null, reason: 'Not heard of.' });
    await runs.finish(run.id, 'w', lost);
    const others = await insertRunning(runs);
    const until = minutesAfter(NOON, 9);

    expect(await runs.revive('other', [run.id], until)).toEqual([]);
    expect(await runs.revive('w', ['none', others.id, run.id], until)).toEqual([
      summaryOf({ ...run, leaseUntil: until }),
    ]);
    expect(await runs.find(run.id)).toEqual({ ...run, leaseUntil: until });
    expect(await runs.find(others.id)).toEqual(others);
    expect(await runs.revive('w', [run.id], until)).toEqual([]);
    for (const status of ENDS.filter((one) => one !== 'lost')) {
      const ended = await insertRunning(runs);
      await runs.finish(ended.id, 'w', makeEnd({ status }));
      expect(await runs.revive('w', [ended.id], until), status).toEqual([]);
    }
  });

  test('its worker ends a running run in any way', async ({ runs }) => {
    for (const status of ENDS) {
      const run = await insertRunning(runs);
      const end = makeEnd({ status, exitCode: status === 'failed' ? 2 : null, reason: `It ${status}.` });

      const ended = await runs.finish(run.id, 'w', end);

      expect(ended).toEqual(summaryOf({ ...run, ...end, leaseUntil: null }));
      expect(await runs.find(run.id)).toEqual({ ...run, ...end, leaseUntil: null });
    }
  });

  test('nobody else ends a running run', async ({ runs }) => {
    const run = await insertRunning(runs);

    for (const status of ENDS) {
      expect(await runs.finish(run.id, 'other', makeEnd({ status }))).toBeNull();
      expect(await runs.finish(run.id, null, makeEnd({ status }))).toBeNull();
    }

    expect(await runs.find(run.id)).toEqual(run);
    expect(await runs.finish('none', 'w', makeEnd())).toBeNull();
  });

  test('a queued run can be canceled or fail, and nothing else', async ({ runs }) => {
    for (const status of ENDS) {
      const run = await insert(runs, makeRun());
      const end = makeEnd({ status, exitCode: null });
      const isAllowed = status === 'canceled' || status === 'failed';

      expect(await runs.finish(run.id, 'w', end), `${status} by a worker`).toBeNull();
      const ended = await runs.finish(run.id, null, end);

      expect(ended, status).toEqual(isAllowed ? summaryOf({ ...run, ...end }) : null);
      expect(await runs.find(run.id)).toEqual({ ...run, ...ended });
    }
  });

  test('the worker of a lost run tells how it went', async ({ runs }) => {
    for (const status of ENDS) {
      const run = await insertLost(runs);
      const end = makeEnd({ status, reason: null });

      expect(await runs.finish(run.id, 'other', end)).toBeNull();
      expect(await runs.finish(run.id, null, end)).toBeNull();
      const ended = await runs.finish(run.id, 'w', end);

      expect(ended, status).toEqual(status === 'lost' ? null : summaryOf({ ...run, ...end }));
      expect(await runs.find(run.id)).toEqual({ ...run, ...ended });
    }
  });

  test('what has ended otherwise stays as it ended', async ({ runs }) => {
    for (const first of ENDS.filter((status) => status !== 'lost')) {
      const run = await insertRunning(runs);
      const ended = await runs.finish(run.id, 'w', makeEnd({ status: first }));

      for (const status of ENDS) {
        expect(await runs.finish(run.id, 'w', makeEnd({ status })), `${first} to ${status}`).toBeNull();
        expect(await runs.finish(run.id, null, makeEnd({ status }))).toBeNull();
      }
      expect(await runs.unclaim(run.id, 'w')).toBeNull();

      expect(await runs.find(run.id)).toEqual({ ...run, ...ended });
    }
  });

  test('one of two ends wins', async ({ runs }) => {
    const run = await insertRunning(runs);

    const results = await Promise.all([
      runs.finish(run.id, 'w', makeEnd({ status: 'succeeded' })),
      runs.finish(run.id, 'w', makeEnd({ status: 'failed', exitCode: 2 })),
    ]);

    const winner = results.filter((result) => result !== null);
    expect(winner).toHaveLength(1);
    expect(await runs.find(run.id)).toEqual({ ...run, ...winner[0] });
  });

  test('the sweep ends a run only when its lease ended before the instant', async ({ runs }) => {
    const run = await insertRunning(runs);
    const lost = makeEnd({ status: 'lost', exitCode: null });

    expect(await runs.finish(run.id, 'w', lost, new Date(LEASE.getTime() - 1))).toBeNull();
    expect(await runs.finish(run.id, 'w', lost, LEASE)).toBeNull();
    expect(await runs.finish(run.id, 'other', lost, minutesAfter(LEASE, 1))).toBeNull();
    await runs.renewLeases('w', [run.id], minutesAfter(LEASE, 5));
    expect(await runs.finish(run.id, 'w', lost, minutesAfter(LEASE, 1))).toBeNull();

    const ended = await runs.finish(run.id, 'w', lost, new Date(LEASE.getTime() + 300_001));
    expect(ended).toEqual(summaryOf({ ...run, ...lost, leaseUntil: null }));
    // its lease is gone: the sweep of another node finds nothing to end
    expect(await runs.finish(run.id, 'w', makeEnd({ status: 'failed' }), minutesAfter(LEASE, 60))).toBeNull();
  });

  test('the end of a run is asked for once, and what is marked first counts', async ({ runs }) => {
    const queued = await insert(runs, makeRun());
    const running = await insertRunning(runs);

    for (const run of [queued, running]) {
      const marked = { ...run, cancelRequestedAt: NOON };
      expect(await runs.requestCancel(run.id, NOON)).toEqual(summaryOf(marked));
      expect(await runs.requestCancel(run.id, minutesAfter(NOON, 1))).toEqual(summaryOf(marked));
      expect(await runs.find(run.id)).toEqual(marked);
    }
    expect((await runs.claim(queued.id, 'v', NOON, LEASE, PLACE))?.cancelRequestedAt).toEqual(NOON);
  });

  test('the end of a finished run cannot be asked for', async ({ runs }) => {
    for (const status of ENDS) {
      const run = await insert(runs, makeRun({ status, workerId: 'w' }));
      expect(await runs.requestCancel(run.id, NOON), status).toBeNull();
      expect(await runs.find(run.id)).toEqual(run);
    }
    expect(await runs.requestCancel('none', NOON)).toBeNull();
  });

  test('a worker renews the lease of its running runs that it names, and sees their marks', async ({
    runs,
  }) => {
    const [own, marked, unnamed] = [
      await insertRunning(runs),
      await insertRunning(runs),
      await insertRunning(runs),
    ];
    const foreign = await insertRunning(runs, 'other');
    const lost = await insertLost(runs);
    const queued = await insert(runs, makeRun());
    await runs.requestCancel(marked.id, NOON);
    const later = minutesAfter(LEASE, 5);

    const renewed = await runs.renewLeases(
      'w',
      [own.id, marked.id, foreign.id, lost.id, queued.id, 'none'],
      later,
    );

    const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1);
    const expected = [
      summaryOf({ ...own, leaseUntil: later }),
      summaryOf({ ...marked, leaseUntil: later, cancelRequestedAt: NOON }),
    ];
    expect(renewed.toSorted(byId)).toEqual(expected.toSorted(byId));
    expect(await runs.findMany([own.id, unnamed.id, foreign.id, lost.id, queued.id])).toEqual([
      expected[0],
      ...[unnamed, foreign, lost, queued].map((run) => summaryOf(run)),
    ]);
    expect(await runs.renewLeases('w', [], later)).toEqual([]);
  });
}

async function insert(runs: RunStore, run: Run): Promise<Run> {
  await runs.insert(run);
  return run;
}

async function insertRunning(runs: RunStore, workerId = 'w'): Promise<Run> {
  return insert(runs, makeRun({ status: 'running', workerId, startedAt: NOON, leaseUntil: LEASE }));
}

async function insertLost(runs: RunStore): Promise<Run> {
  return insert(
    runs,
    makeRun({
      status: 'lost',
      workerId: 'w',
      startedAt: NOON,
      finishedAt: LEASE,
      reason: 'Its node stopped answering.',
    }),
  );
}
