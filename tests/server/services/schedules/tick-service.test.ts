import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Run } from '../../../../server/domain/runs/run.ts';
import { type Schedule, waitingFor } from '../../../../server/domain/schedules/schedule.ts';
import type { Admission, PreparedRun } from '../../../../server/services/runs/run-admission.ts';
import { createTickService } from '../../../../server/services/schedules/tick-service.ts';
import { TIMINGS } from '../../../../server/timings.ts';
import { ALLOW, makePage, makeRun, makeSchedule, minutesAfter, NOON } from '../../../support/make.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';

/** Ticks on a real store, with a clock that is set and an executor that admits everything and notes it. */
async function makeTicks() {
  const storage = await openTempStorage();
  const clock = { now: NOON };
  const begun: string[] = [];
  const dropped: string[] = [];
  const settled: string[] = [];
  const prepared: string[] = [];
  const released: string[] = [];
  const problems: string[] = [];
  const instants: Date[] = [];
  const executor = {
    countRoom: () => 10,
    release: async (id: string) => void released.push(id),
    prepare: async ({ id }: Run) => {
      prepared.push(id);
      return { id, request: {} as PreparedRun['request'], release: () => executor.release(id) };
    },
    admit: async (run: Run): Promise<Admission> => ({
      run: { ...run, status: 'running', workerId: 'w', startedAt: clock.now },
      begin: async () => void begun.push(run.id),
      drop: async () => void dropped.push(run.id),
      reconcile: async () => void settled.push(run.id),
    }),
  };
  const ticks = createTickService({
    storage,
    scheduler: { armTick: async (instant) => void instants.push(instant), queueRun: async () => undefined },
    executor,
    now: () => clock.now,
    repairAheadMs: 30_000,
    queuedLongMs: TIMINGS.runs.queuedLongMs,
    onError: (_error, during) => problems.push(during),
    logChange: () => undefined,
  });
  const insert = async (overrides: Partial<Schedule> = {}) => {
    const schedule = makeSchedule(overrides);
    await storage.schedules.insert(schedule);
    return schedule;
  };
  const outcomesOf = async ({ id }: Schedule) =>
    (await storage.ticks.list(id, makePage())).items.map(({ node }) => node.outcome);
  return {
    storage,
    clock,
    ticks,
    executor,
    insert,
    outcomesOf,
    begun,
    dropped,
    settled,
    prepared,
    released,
    problems,
    instants,
  };
}

it('fires all that is due, tells the next instants once each, and begins what was stored', async () => {
  const { ticks, insert, begun, dropped, outcomesOf, storage } = await makeTicks();
  const due = await Promise.all(Array.from({ length: 450 }, () => insert()));
  const later = await insert({ nextRunAt: minutesAfter(NOON, 1) });

  expect(await ticks.handle()).toEqual([minutesAfter(NOON, 5)]);

  expect(begun).toHaveLength(450);
  expect(dropped).toEqual([]);
  for (const schedule of due.slice(0, 3)) expect(await outcomesOf(schedule)).toEqual(['started']);
  expect(await outcomesOf(later)).toEqual([]);
  expect((await storage.runs.find(begun[0] ?? ''))?.status).toBe('running');
  expect(await ticks.handle()).toEqual([]);
});

it('skips what still runs, and says so in the ledger', async () => {
  const { ticks, insert, begun, outcomesOf, clock } = await makeTicks();
  const [skipping, allowing] = [await insert(), await insert({ policy: ALLOW })];
  await ticks.handle();
  clock.now = minutesAfter(NOON, 5);

  await ticks.handle();

  expect(begun).toHaveLength(3);
  expect(await outcomesOf(skipping)).toEqual(['skipped', 'started']);
  expect(await outcomesOf(allowing)).toEqual(['started', 'started']);
});

it('skips what was started by hand, whenever that was, and says so in the ledger', async () => {
  const { ticks, insert, begun, dropped, outcomesOf, executor, storage } = await makeTicks();
  const startByHand = ({ id }: Schedule) =>
    storage.schedules.startByHand({ ...makeRun(), scheduleId: id, scheduledFor: null }, false);
  const [early, prepared, meanwhile, late] = [await insert(), await insert(), await insert(), await insert()];
  expect(await startByHand(early)).toBe('started');
  await ticks.prepare(NOON);
  expect(await startByHand(prepared)).toBe('started');
  const { listDue } = storage.schedules;
  storage.schedules.listDue = async (...args) => {
    // runs are being counted at the same time
    storage.schedules.listDue = listDue;
    await nextTurn();
    expect(await startByHand(meanwhile)).toBe('started');
    return listDue(...args);
  };
  const { admit } = executor;
  executor.admit = async (run) => {
    // between the decision and the firing; what was decided then no longer holds
    if (run.scheduleId === late.id) expect(await startByHand(late)).toBe('started');
    return admit(run);
  };

  await ticks.handle();

  for (const schedule of [early, prepared, meanwhile, late])
    expect(await outcomesOf(schedule)).toEqual(['skipped']);
  expect(begun).toEqual([]);
  expect(dropped).toHaveLength(1);
});

it('marks a schedule that cannot be computed, and fires the others', async () => {
  const { ticks, insert, begun, storage } = await makeTicks();
  const broken = await insert({ timing: { kind: 'cron', expression: 'nonsense' } });
  const zoneless = await insert({ timezone: 'Mars/Olympus' });
  const sound = await insert();

  await ticks.handle();

  expect(begun).toHaveLength(1);
  for (const { id } of [broken, zoneless]) {
    expect(await storage.schedules.find(id)).toMatchObject({
      nextRunAt: null,
      problem: expect.stringContaining('cannot be computed'),
    });
  }
  expect((await storage.schedules.find(sound.id))?.problem).toBeNull();
});

it('a broken schedule that cannot even be marked holds up no others, and keeps no place', async () => {
  const { ticks, insert, begun, dropped, problems, storage } = await makeTicks();
  const sound = await Promise.all(Array.from({ length: 5 }, () => insert()));
  const broken = await insert({ timing: { kind: 'cron', expression: 'nonsense' } });
  const { listDue } = storage.schedules;
  // those that are sound come first
  storage.schedules.listDue = async (...args) =>
    (await listDue(...args)).sort((a, b) => Number(a.id === broken.id) - Number(b.id === broken.id));
  storage.schedules.setProblem = () => Promise.reject(new Error('no room to write'));

  await expect(ticks.handle()).rejects.toThrow('could not be fired');

  expect(begun).toHaveLength(sound.length);
  expect(dropped).toHaveLength(sound.length);
  expect(problems).toEqual([`firing schedule ${broken.id}`]);
});

it('one schedule that the store refuses does not hold up the others', async () => {
  const { ticks, insert, begun, settled, problems, storage } = await makeTicks();
  const poisoned = await insert();
  await Promise.all(Array.from({ length: 10 }, () => insert()));
  const { fire } = storage.schedules;
  storage.schedules.fire = async (firings) => {
    if (firings.some(({ scheduleId }) => scheduleId === poisoned.id)) throw new Error('refused');
    return fire(firings);
  };

  await expect(ticks.handle()).rejects.toThrow();

  expect(begun).toHaveLength(10);
  // it may have been stored all the same: nobody knows
  expect(settled.length).toBeGreaterThan(10);
  expect(problems).toEqual([`firing schedule ${poisoned.id}`]);
});

it('asks a database that is away a few times and not once for each schedule', async () => {
  const { ticks, insert, storage } = await makeTicks();
  await Promise.all(Array.from({ length: 50 }, () => insert()));
  let asked = 0;
  storage.schedules.fire = async () => {
    asked += 1;
    throw new Error('away');
  };

  await expect(ticks.handle()).rejects.toThrow('away');

  expect(asked).toBeLessThan(6);
});

it('drops the runs of a schedule that was edited between the look and the firing', async () => {
  const { ticks, insert, begun, dropped, storage } = await makeTicks();
  const schedule = await insert();
  const { listDue } = storage.schedules;
  let isFirst = true;
  storage.schedules.listDue = async (...args) => {
    const due = await listDue(...args);
    if (isFirst) {
      await storage.schedules.replace({ ...schedule, version: 2, ...waitingFor(minutesAfter(NOON, 60)) }, 1);
    }
    isFirst = false;
    return due;
  };

  expect(await ticks.handle()).toEqual([]);

  expect(begun).toEqual([]);
  expect(dropped).toHaveLength(1);
});

it('prepares what will be due, uses it, and releases what was edited meanwhile', async () => {
  const { ticks, insert, clock, prepared, begun, released, storage } = await makeTicks();
  clock.now = minutesAfter(NOON, -1);
  const [kept, edited] = [await insert(), await insert()];

  expect(await ticks.prepare(NOON)).toBe(true);
  await ticks.prepare(NOON);
  expect(prepared).toHaveLength(2);
  await storage.schedules.replace({ ...edited, version: 2, ...waitingFor(minutesAfter(NOON, 60)) }, 1);
  clock.now = NOON;
  await ticks.handle();
  // what was prepared and not used is looked for behind each instant
  await ticks.handle();

  const run = (await storage.runs.list({ scheduleId: kept.id }, makePage())).items[0]?.node;
  expect(begun).toEqual([run?.id]);
  expect(prepared).toContain(run?.id);
  expect(released).toEqual(prepared.filter((id) => id !== run?.id));
});

it('instants go on while something that was prepared cannot be released', async () => {
  const { ticks, insert, clock, begun, prepared, executor, storage } = await makeTicks();
  clock.now = minutesAfter(NOON, -1);
  const edited = await insert();
  await ticks.prepare(NOON);
  expect(prepared).toHaveLength(1);
  await storage.schedules.replace({ ...edited, version: 2, ...waitingFor(minutesAfter(NOON, 60)) }, 1);
  executor.release = () => new Promise(() => undefined);
  await insert();
  clock.now = NOON;
  await ticks.handle();
  await insert();
  await ticks.handle();
  expect(begun).toHaveLength(2);
});

it('repairs by arming each instant that is awaited soon', async () => {
  const { ticks, insert, instants } = await makeTicks();
  const soon = new Date(NOON.getTime() + 10_000);
  await insert({ nextRunAt: soon });
  await insert({ nextRunAt: soon });
  await insert({ nextRunAt: minutesAfter(NOON, 5) });
  await insert({ nextRunAt: soon, enabled: false });

  await ticks.repair();

  expect(instants).toEqual([soon]);
});

it('gives the reason in the ledger when a run could not be started, and goes on', async () => {
  const { ticks, insert, storage, executor, clock } = await makeTicks();
  const schedule = await insert();
  const reason = 'It was not started. There is no playbook "update.yaml".';
  const { admit } = executor;
  executor.admit = async (run) => {
    const admission = await admit(run);
    return { ...admission, run: { ...run, status: 'failed', reason, finishedAt: clock.now } };
  };
  await ticks.handle();
  const [tick] = (await storage.ticks.list(schedule.id, makePage())).items;
  expect(tick?.node).toMatchObject({ outcome: 'started', reason });
  expect((await storage.schedules.find(schedule.id))?.nextRunAt).toEqual(minutesAfter(NOON, 5));
});
