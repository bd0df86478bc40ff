import { type ChangeLog, SCHEDULER } from '../../domain/actor.ts';
import { messageOf } from '../../domain/caught.ts';
import { type ActiveRun, newRun, type Run } from '../../domain/runs/run.ts';
import { heedsActiveRuns } from '../../domain/schedules/policy.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { Tick } from '../../domain/schedules/tick.ts';
import { decideTicks } from '../../domain/schedules/tick-decision.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Firing, Storage } from '../../storage/storage.ts';
import { newId } from '../new-id.ts';
import type { Admission, PreparedRun } from '../runs/run-admission.ts';
import type { RunExecutor } from '../runs/run-executor.ts';

/** Turns due instants into ledger rows and runs. */
export interface TickService {
  /**
   * Prepares what can be prepared ahead of the instant. Best effort: it may be slow or fail, since nothing
   * depends on it.
   * @returns whether nothing is left to prepare later
   */
  prepare(instant: Date): Promise<boolean>;
  /**
   * Handles all schedules that are due by now. Safe to call concurrently, also on several nodes: the store
   * lets one win.
   * @returns the next instants of the schedules that it fired, without duplicates
   * @throws when some could not be handled; the others were
   */
  handle(): Promise<readonly Date[]>;
  /** Reconciles the scheduler with the stores, for all that is due soon. */
  repair(): Promise<void>;
  /** The newest tick that this node handled; null: none since it started. */
  lastTick(): { readonly scheduledFor: Date; readonly lagMs: number } | null;
}

export interface TickServiceOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs' | 'changes'>;
  readonly scheduler: Pick<Scheduler, 'armTick' | 'queueRun'>;
  readonly executor: Pick<RunExecutor, 'countRoom' | 'prepare' | 'admit'>;
  now(): Date;
  /** Each repair covers schedules whose instant is nearer than this, in ms. */
  readonly repairAheadMs: number;
  /** Runs queued for longer than this may have lost their job, in ms. */
  readonly queuedLongMs: number;
  onError(error: unknown, during: string): void;
  readonly logChange: ChangeLog;
}

/** Schedules fired per store operation. */
const BATCH = 200;
/** Consecutive rounds in which schedules are due but none can be fired; more point to another fault. */
const MAX_ROUNDS = 5;
/**
 * Consecutive schedules that cannot be fired even alone; then the database is at fault, not the schedules.
 */
const MAX_FAILURES = 3;

/** A schedule that is waiting for an instant. */
type Waiting = Schedule & { readonly nextRunAt: Date; readonly dueAt: Date };
/** Runs that are queued or running, by schedule. */
type ActiveRuns = Map<string, readonly ActiveRun[]>;
/** The decision on one schedule's due instants, before the store has accepted it. */
interface Decided {
  readonly firing: Firing;
  readonly admissions: readonly Admission[];
}

export function createTickService(options: TickServiceOptions): TickService {
  const { storage, scheduler, executor } = options;
  const { schedules } = storage;
  let last: { scheduledFor: Date; lagMs: number } | null = null;
  /** Prepared runs whose instant is not due yet, by `keyOf`. */
  const preparedRuns = new Map<string, { readonly prepared: PreparedRun; readonly dueAt: Date }>();
  /**
   * Schedules whose active runs are fetched in parallel with the due schedules, to save a round trip; with
   * each its `manualStarts`. The runs of those starts are already stored; if the number has changed since,
   * its runs are fetched again.
   */
  let foreseen = new Map<string, number>();
  /** Serialises the handling of instants: two at once would decide the same instant twice. */
  let handling: Promise<unknown> = Promise.resolve();

  async function handleDue(): Promise<Date[]> {
    const next = new Map<number, Date>();
    for (let idleRounds = 0; idleRounds < MAX_ROUNDS; ) {
      const expected = foreseen;
      foreseen = new Map();
      const [due, activeOfExpected] = await Promise.all([
        schedules.listDue(options.now(), BATCH),
        listActive([...expected.keys()]),
      ]);
      if (due.length === 0) return [...next.values()];
      const others = due.filter(
        (schedule) => heedsActiveRuns(schedule.policy) && expected.get(schedule.id) !== startsOf(schedule),
      );
      const active = await listActive(others.map(({ id }) => id));
      for (const { id } of others) activeOfExpected.delete(id);
      const fired = await fireBatch(due, new Map([...activeOfExpected, ...active]));
      for (const { dueAt } of fired) if (dueAt) next.set(dueAt.getTime(), dueAt);
      // those not fired have just been changed by others: look again
      idleRounds = fired.length > 0 ? 0 : idleRounds + 1;
    }
    throw new Error('Schedules are due that cannot be fired: they are being changed all the time.');
  }

  function activeRuns(due: readonly Schedule[]): Promise<ActiveRuns> {
    return listActive(due.filter(({ policy }) => heedsActiveRuns(policy)).map(({ id }) => id));
  }

  async function listActive(scheduleIds: readonly string[]): Promise<ActiveRuns> {
    return scheduleIds.length > 0 ? storage.runs.listActive(scheduleIds) : new Map();
  }

  async function fireBatch(due: readonly Schedule[], active: ActiveRuns): Promise<Firing[]> {
    let decided: readonly Decided[] = [];
    try {
      decided = await decideAll(due, active);
      return await fire(decided);
    } catch (error) {
      if (due.length === 1 || decided.length === 1) throw error;
    }
    // what was stored is being reconciled; retry the rest one by one, so that a broken schedule cannot hold
    // up the others
    return fireEach(due);
  }

  /** Rejects when one of them cannot be decided; all admissions are then dropped. */
  async function decideAll(due: readonly Schedule[], active: ActiveRuns): Promise<Decided[]> {
    const decided: Decided[] = [];
    try {
      for (const schedule of due) {
        const one = await decide(schedule, active.get(schedule.id) ?? []);
        if (one) decided.push(one);
      }
      return decided;
    } catch (error) {
      for (const { admissions } of decided) for (const admission of admissions) void admission.drop();
      throw error;
    }
  }

  async function fireEach(due: readonly Schedule[]): Promise<Firing[]> {
    const fired: Firing[] = [];
    let failures = 0;
    for (const { id } of due) {
      try {
        const schedule = await schedules.find(id);
        if (!schedule?.dueAt || schedule.dueAt > options.now()) continue;
        const decided = await decide(schedule, (await activeRuns([schedule])).get(id) ?? []);
        if (decided) fired.push(...(await fire([decided])));
        failures = 0;
      } catch (error) {
        failures += 1;
        options.onError(error, `firing schedule ${id}`);
        if (failures === MAX_FAILURES) throw error;
      }
    }
    if (failures > 0) throw new Error('Some schedules could not be fired.');
    return fired;
  }

  /** Null: it cannot be fired, and has been marked accordingly. */
  async function decide(schedule: Schedule, active: readonly ActiveRun[]): Promise<Decided | null> {
    const { id, nextRunAt } = schedule;
    const now = options.now();
    let decision: ReturnType<typeof decideTicks>;
    try {
      if (!nextRunAt) throw new Error(schedule.problem ?? 'it waits for nothing');
      decision = decideTicks({ ...schedule, nextRunAt }, now, active);
    } catch (error) {
      // this schedule is broken and must not hold up the others
      const problem = `Its next run cannot be computed: ${messageOf(error)}`;
      await schedules.setProblem(id, schedule.version, schedule.problem ?? problem);
      await storage.changes.publish({ kind: 'schedule', id });
      return null;
    }
    const admissions: Admission[] = [];
    const ticks: Tick[] = [];
    for (const tick of decision.ticks) {
      if (tick.outcome !== 'started') ticks.push({ scheduleId: id, ...tick, runId: null });
      else {
        const prepared = takePrepared(schedule, tick.scheduledFor);
        const run = queuedRun(schedule, tick.scheduledFor, prepared?.id ?? newId(now), now);
        const admission = await executor.admit(run, { prepared });
        admissions.push(admission);
        // the ledger, too, records why it could not be started
        const reason = admission.run.status === 'failed' ? admission.run.reason : null;
        ticks.push({ scheduleId: id, ...tick, reason, runId: admission.run.id });
      }
    }
    const firing = {
      scheduleId: id,
      version: schedule.version,
      ...(heedsActiveRuns(schedule.policy) ? { manualStarts: startsOf(schedule) } : {}),
      expectedNextRunAt: nextRunAt,
      ...decision.next,
      ticks,
      runs: admissions.map(({ run }) => run),
    };
    return { firing, admissions };
  }

  /** @returns those that were fired */
  async function fire(decided: readonly Decided[]): Promise<Firing[]> {
    let stored: Awaited<ReturnType<typeof schedules.fire>>;
    try {
      stored = await schedules.fire(decided.map(({ firing }) => firing));
    } catch (error) {
      for (const { admissions } of decided) for (const admission of admissions) void admission.reconcile();
      throw error;
    }
    const fired: Firing[] = [];
    // start all runs first; everything else can wait
    for (const [i, { firing, admissions }] of decided.entries()) {
      const runIds = stored[i] ?? null;
      if (runIds) fired.push(firing);
      for (const admission of admissions) {
        void (runIds?.has(admission.run.id) ? admission.begin() : admission.drop());
      }
    }
    for (const { scheduleId: id, runs, ticks } of fired) {
      const newest = ticks.at(-1);
      if (newest) last = { scheduledFor: newest.scheduledFor, lagMs: lagOf(newest.scheduledFor) };
      for (const run of runs) await storage.changes.publish({ kind: 'run', id: run.id });
      await storage.changes.publish({ kind: 'schedule', id });
    }
    if (fired.length > 0) {
      const runIds = fired.flatMap(({ runs }) => runs.map(({ id }) => id));
      const scheduleIds = fired.map(({ scheduleId }) => scheduleId);
      options.logChange(SCHEDULER, 'fired schedules', { schedules: scheduleIds, runs: runIds });
    }
    return fired;
  }

  function lagOf(instant: Date): number {
    return options.now().getTime() - instant.getTime();
  }

  /** Takes over the run prepared for an instant, if any. */
  function takePrepared(schedule: Schedule, scheduledFor: Date): PreparedRun | undefined {
    const key = keyOf(schedule, scheduledFor);
    const found = preparedRuns.get(key);
    preparedRuns.delete(key);
    return found?.prepared;
  }

  return {
    async prepare(instant) {
      const room = executor.countRoom();
      if (room === 0) return false;
      const due = await schedules.listDue(instant, room);
      for (const schedule of due.slice(0, BATCH))
        if (heedsActiveRuns(schedule.policy)) foreseen.set(schedule.id, startsOf(schedule));
      const active = await activeRuns(due);
      let isAll = due.length < room;
      for (const schedule of due) {
        if (active.has(schedule.id)) isAll = false;
        if (!isWaiting(schedule) || schedule.dueAt < instant || active.has(schedule.id)) continue;
        const { nextRunAt, dueAt } = schedule;
        const key = keyOf(schedule, nextRunAt);
        const isWanted = () => options.now() < instant && !preparedRuns.has(key);
        if (!isWanted()) continue;
        const prepared = await executor.prepare(queuedRun(schedule, nextRunAt, newId(instant), instant));
        // the instant may have come while it was being prepared
        if (prepared && isWanted()) preparedRuns.set(key, { prepared, dueAt });
        else await prepared?.release();
      }
      return isAll;
    },

    handle() {
      const handled = handling.then(handleDue, handleDue);
      handling = handled.then(releasePassed, releasePassed);
      return handled;
    },

    lastTick: () => last,

    async repair() {
      await schedules.completeFirings();
      const until = new Date(options.now().getTime() + options.repairAheadMs);
      for (const instant of await schedules.listInstants(until)) await scheduler.armTick(instant);
      const queuedBefore = new Date(options.now().getTime() - options.queuedLongMs);
      for (const run of await storage.runs.listQueued(queuedBefore, BATCH)) await scheduler.queueRun(run.id);
    },
  };

  /**
   * Releases prepared runs that were not used, because the schedule was changed or another node was first.
   */
  async function releasePassed(): Promise<void> {
    const now = options.now();
    for (const [key, { prepared, dueAt }] of preparedRuns) {
      if (dueAt > now) continue;
      preparedRuns.delete(key);
      // not awaited: later instants do not depend on it
      void prepared.release();
    }
  }
}

function startsOf({ manualStarts = 0 }: Schedule): number {
  return manualStarts;
}

function isWaiting(schedule: Schedule): schedule is Waiting {
  return schedule.nextRunAt !== null && schedule.dueAt !== null;
}

/** Identifies what a prepared run can be used for: an edit or another instant needs a new one. */
function keyOf({ id, version }: Schedule, scheduledFor: Date): string {
  return `${id} ${version} ${scheduledFor.getTime()}`;
}

function queuedRun(
  { id: scheduleId, playbook, parameters }: Schedule,
  scheduledFor: Date,
  id: string,
  now: Date,
): Run {
  return newRun({ id, playbook, parameters, trigger: 'schedule', scheduleId, scheduledFor, queuedAt: now });
}
