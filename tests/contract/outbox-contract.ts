import { expect } from 'vitest';
import type { Fact, OutboxRow } from '../../server/domain/facts.ts';
import type { Storage } from '../../server/storage/storage.ts';
import {
  fireOne,
  makeEnd,
  makeFiring,
  makeRun,
  makeSchedule,
  makeTick,
  minutesAfter,
  NOON,
} from '../support/make.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

const LEASE_MS = 60_000;

/** Facts that must not be lost: recorded with what they tell of, claimed by one node at a time. */
export function describeOutbox(open: OpenStorage): void {
  const test = storageTest(open);

  test('records what users do to a schedule, in order', async (storage) => {
    const { schedules } = storage;
    const schedule = makeSchedule({ name: 'One' });
    const before = Date.now();
    await schedules.insert(schedule);
    await schedules.replace({ ...schedule, name: 'Two', version: 2 }, 1);
    await schedules.delete(schedule.id);

    const rows = await claimAll(storage);

    const [id, kind] = [schedule.id, 'scheduleChanged'];
    expect(rows.map(({ fact }) => fact)).toEqual([
      { kind, scheduleId: id, change: 'created', version: 1, name: 'One' },
      { kind, scheduleId: id, change: 'updated', version: 2, name: 'Two' },
      { kind, scheduleId: id, change: 'deleted', version: 2, name: 'Two' },
    ]);
    expect(rows.map((row) => row.id)).toEqual(rows.map((row) => row.id).sort());
    for (const { at, attempts } of rows) {
      expect(at.getTime()).toBeGreaterThanOrEqual(before);
      expect(at.getTime()).toBeLessThanOrEqual(Date.now());
      expect(attempts).toBe(1);
    }
  });

  test('records a problem that comes, changes or goes, and none that stays as it is', async (storage) => {
    const { id } = await insert(storage);
    for (const problem of ['Faulty.', 'Faulty.', 'Worse.', null, null])
      expect(await storage.schedules.setProblem(id, 1, problem)).toBe(true);

    expect(await factsOf(storage)).toEqual(
      ['Faulty.', 'Worse.', null].map((problem) => ({ kind: 'scheduleProblem', scheduleId: id, problem })),
    );
  });

  test('records nothing of changes that were not made', async (storage) => {
    const { schedules, runs } = storage;
    const schedule = await insert(storage);
    await expect(schedules.insert(schedule)).rejects.toThrow();
    expect(await schedules.replace({ ...schedule, version: 3 }, 2)).toBe(false);
    expect(await schedules.setProblem(schedule.id, 2, 'Faulty.')).toBe(false);
    expect(await schedules.setProblem('none', 1, 'Faulty.')).toBe(false);
    expect(await schedules.delete('none')).toBeNull();
    expect(await fireOne(schedules, makeFiring({ ...schedule, version: 2 }))).toBe(false);
    const failed = makeRun({ status: 'failed' });
    expect(await schedules.startByHand({ ...failed, scheduleId: 'none' }, true)).toBe('gone');
    await runs.insert(makeRun({ id: 'queued' }));
    expect(await runs.insertNew({ ...failed, id: 'queued' })).toBe(false);
    await expect(runs.insert({ ...failed, id: 'queued' })).rejects.toThrow();
    expect(await runs.finish('queued', null, makeEnd())).toBeNull();
    expect(await runs.finish('none', null, makeEnd({ status: 'failed' }))).toBeNull();

    expect(await factsOf(storage)).toEqual([]);
  });

  test('records each instant that a firing decided, and runs that were refused at once', async (storage) => {
    const schedule = await insert(storage);
    const at = (second: number) => new Date(NOON.getTime() + 1_000 * second);
    const [sound, refused] = [
      makeRun({ scheduleId: schedule.id, scheduledFor: at(3) }),
      makeRun({ scheduleId: schedule.id, scheduledFor: at(4), ...makeEnd({ status: 'failed' }) }),
    ];
    const ticks = [
      makeTick(schedule, { scheduledFor: at(1), outcome: 'missed' }),
      makeTick(schedule, { scheduledFor: at(2) }),
      makeTick(schedule, { scheduledFor: at(3), outcome: 'started', reason: null, runId: sound.id }),
      makeTick(schedule, { scheduledFor: at(4), outcome: 'started', runId: refused.id }),
    ];
    await fireOne(storage.schedules, makeFiring(schedule, { ticks, runs: [sound, refused] }));

    expect(inAnyOrder(await factsOf(storage))).toEqual(
      inAnyOrder([
        ...ticks.map(({ reason: _, ...tick }): Fact => ({ kind: 'tickRecorded', ...tick })),
        { kind: 'runEnded', runId: refused.id, scheduleId: schedule.id, status: 'failed' },
      ]),
    );
  });

  test('records an instant once, also when it is fired again after a clock was put back', async (storage) => {
    const schedule = await insert(storage);
    await fireOne(storage.schedules, makeFiring(schedule));
    await storage.schedules.replace({ ...schedule, version: 2 }, 1);
    await claimAll(storage);
    const again = makeFiring({ ...schedule, version: 2 });
    const refused = again.runs.map((run) => ({ ...run, ...makeEnd({ status: 'failed' }) }));

    expect(await fireOne(storage.schedules, { ...again, runs: refused })).toBe(true);

    expect(await factsOf(storage)).toEqual([]);
  });

  test('records of many schedules that fire at once each instant once', async (storage) => {
    const schedules = await Promise.all(Array.from({ length: 60 }, () => insert(storage)));
    await claimAll(storage);
    await storage.schedules.fire(schedules.map((schedule) => makeFiring(schedule)));

    const facts = await factsOf(storage);

    expect(facts.map((fact) => fact?.kind === 'tickRecorded' && fact.scheduleId).sort()).toEqual(
      schedules.map(({ id }) => id).sort(),
    );
  });

  test('records every end of a run, each time that it ends', async (storage) => {
    const { runs } = storage;
    const ended = (runId: string, status: string, scheduleId: string | null = null) => ({
      kind: 'runEnded',
      runId,
      scheduleId,
      status,
    });
    for (const id of ['one', 'two', 'three', 'lost']) {
      await runs.insert(makeRun({ id, scheduleId: id === 'one' ? 'its' : null }));
      await runs.claim(id, 'worker', NOON, NOON, { workingFolder: '', ansibleConfig: null });
    }
    await runs.insert(makeRun({ id: 'queued' }));
    expect(await factsOf(storage)).toEqual([]);

    await runs.finish('one', 'worker', makeEnd());
    await runs.finish('queued', null, makeEnd({ status: 'canceled' }));
    await runs.finish('lost', 'worker', makeEnd({ status: 'lost' }), minutesAfter(NOON, 1));
    // before anybody has looked
    await runs.finish('lost', 'worker', makeEnd({ status: 'timedOut' }));
    await runs.finishOwn('worker', [
      { id: 'two', end: makeEnd({ status: 'failed' }) },
      { id: 'one', end: makeEnd({ status: 'failed' }) },
      { id: 'three', end: makeEnd() },
    ]);
    await runs.insert(makeRun({ id: 'refused', ...makeEnd({ status: 'failed' }) }));
    expect(await runs.insertNew(makeRun({ id: 'new', ...makeEnd({ status: 'failed' }) }))).toBe(true);
    const schedule = await insertSilently(storage);
    const byHand = makeRun({ id: 'by-hand', ...makeEnd({ status: 'failed' }) });
    await storage.schedules.startByHand({ ...byHand, scheduleId: schedule.id }, false);

    expect(inAnyOrder(await factsOf(storage))).toEqual(
      inAnyOrder([
        ended('one', 'succeeded', 'its'),
        ended('queued', 'canceled'),
        ended('lost', 'lost'),
        ended('lost', 'timedOut'),
        ended('two', 'failed'),
        ended('three', 'succeeded'),
        ended('refused', 'failed'),
        ended('new', 'failed'),
        {
          kind: 'scheduleChanged',
          scheduleId: schedule.id,
          change: 'created',
          version: 1,
          name: schedule.name,
        },
        ended('by-hand', 'failed', schedule.id),
      ] as Fact[]),
    );
  });

  test('gives the oldest first, as many as asked for, and none that is claimed', async ({ runs, outbox }) => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await runs.insert(makeRun({ id, ...makeEnd() }));
      await recordFacts({ outbox });
    }
    const now = soon();
    const claim = (worker: string, limit: number) =>
      outbox.claim(worker, limit, new Date(now.getTime() + LEASE_MS), now);

    expect(runsOf(await claim('one', 2))).toEqual(['a', 'b']);
    expect(runsOf(await claim('two', 2))).toEqual(['c', 'd']);
    expect(runsOf(await claim('one', 9))).toEqual(['e']);
    expect(await claim('one', 9)).toEqual([]);
  });

  test('what was claimed and not removed is due again when the lease ends, under the same id', async (storage) => {
    await storage.runs.insert(makeRun({ ...makeEnd() }));
    const now = soon();
    const end = new Date(now.getTime() + LEASE_MS);
    const [first] = await storage.outbox.claim('dead', 9, end, now);
    const later = (ms: number) => new Date(end.getTime() + ms);
    expect(await storage.outbox.claim('other', 9, later(LEASE_MS), later(-1))).toEqual([]);

    const [second] = await storage.outbox.claim('other', 9, later(LEASE_MS), later(0));

    expect(second).toEqual({ ...first, attempts: 2 });
    // the first one comes back, and has told it all the same
    expect(await storage.outbox.retry('dead', second?.id ?? '', later(0))).toBe(false);
    await storage.outbox.remove([second?.id ?? '']);
    expect(await storage.outbox.claim('other', 9, later(3 * LEASE_MS), later(2 * LEASE_MS))).toEqual([]);
  });

  test('what could not be told is due again when asked for, and what was removed never', async (storage) => {
    const { outbox } = storage;
    for (const id of ['told', 'not-told']) await storage.runs.insert(makeRun({ id, ...makeEnd() }));
    const now = soon();
    const [later, last] = [1, 2].map((n) => new Date(now.getTime() + n * LEASE_MS)) as [Date, Date];
    const rows = await outbox.claim('one', 9, last, now);
    const idOf = (runId: string) => rows.find((row) => runsOf([row])[0] === runId)?.id ?? '';

    await outbox.remove([idOf('told')]);
    expect(await outbox.retry('one', idOf('not-told'), later)).toBe(true);
    // let go of, so it is held no more
    expect(await outbox.retry('one', idOf('not-told'), now)).toBe(false);
    expect(await outbox.retry('one', idOf('told'), now)).toBe(false);

    expect(await outbox.claim('two', 9, last, new Date(later.getTime() - 1))).toEqual([]);
    const again = await outbox.claim('two', 9, last, later);
    expect([runsOf(again), again[0]?.attempts]).toEqual([['not-told'], 2]);
    await outbox.remove([idOf('told'), idOf('not-told'), 'none']);
    await outbox.remove([]);
    expect(await outbox.claim('two', 9, last, new Date(last.getTime() + 1))).toEqual([]);
  });

  test('of many claims at once, on several nodes, each row is in one', async (storage, { openSecond }) => {
    const second = (await openSecond?.()) ?? storage;
    const ids = Array.from({ length: 120 }, (_, i) => `run-${i}`);
    for (const id of ids) await storage.runs.insert(makeRun({ id, ...makeEnd() }));
    const now = soon();
    const end = new Date(now.getTime() + LEASE_MS);

    const claims = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        (i % 2 === 0 ? storage : second).outbox.claim(`worker-${i}`, 40, end, now),
      ),
    );
    claims.push(await second.outbox.claim('last', 1_000, end, now));

    expect(claims.flatMap(runsOf).sort()).toEqual(ids.sort());
  });

  test('keeps all over closing and opening again', async (storage, { reopen }) => {
    const schedule = makeSchedule();
    await storage.schedules.insert(schedule);
    await storage.runs.insert(makeRun({ ...makeEnd() }));

    const reopened = await reopen();

    expect((await factsOf(reopened)).map((fact) => fact?.kind).sort()).toEqual([
      'runEnded',
      'scheduleChanged',
    ]);
  });

  async function insert(storage: Storage) {
    const schedule = await insertSilently(storage);
    await claimAll(storage);
    return schedule;
  }

  async function insertSilently(storage: Storage) {
    const schedule = makeSchedule();
    await storage.schedules.insert(schedule);
    return schedule;
  }
}

/** Later than anything that was recorded so far, also by another clock. */
function soon(): Date {
  return new Date(Date.now() + 1_000);
}

/** What was not claimed before; for longer than any test takes. */
function claimAll({ outbox }: Storage): Promise<OutboxRow[]> {
  return outbox.claim('test', 10_000, new Date(Date.now() + 86_400_000), soon());
}

/** Resolves once the facts of what was done are recorded, which MongoDB does in the background, several at once. */
export async function recordFacts({ outbox }: Pick<Storage, 'outbox'>): Promise<void> {
  await outbox.claim('nobody', 0, NOON, NOON);
}

/** What was recorded since it was last asked. */
export async function factsOf(storage: Storage): Promise<(Fact | null)[]> {
  return (await claimAll(storage)).map(({ fact }) => fact);
}

function runsOf(rows: readonly OutboxRow[]): string[] {
  return rows.flatMap(({ fact }) => (fact?.kind === 'runEnded' ? [fact.runId] : []));
}

export function inAnyOrder(facts: readonly (Fact | null)[]): unknown[] {
  return facts.map((fact) => JSON.stringify(fact, Object.keys(fact ?? {}).sort())).sort();
}
