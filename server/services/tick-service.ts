import type { Run } from '../domain/run.ts';
import type { Schedule } from '../domain/schedule.ts';
import type { Tick } from '../domain/tick.ts';
import { decideTicks } from '../domain/tick-decision.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Storage } from '../storage/storage.ts';
import { newId } from './new-id.ts';

/** Turns instants that have come into ledger rows and runs. */
export interface TickService {
  /**
   * Handles the instants of a schedule that are due. Safe to call twice and on several nodes at once: the store lets one win.
   * @returns the instant that the schedule waits for now; null when it waits for none
   */
  handle(scheduleId: string, scheduledFor: Date): Promise<Date | null>;
  /** Makes the scheduler agree with the stores again, for all that is due soon. */
  repair(): Promise<void>;
  /** The newest tick that this node handled; null: none since the start. */
  lastTick(): { readonly scheduledFor: Date; readonly lagMs: number } | null;
}

export interface TickServiceOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs' | 'changes'>;
  readonly scheduler: Pick<Scheduler, 'armTick' | 'queueRun'>;
  /** Starts a queued run on this node if there is room; false: it has to wait for its turn. */
  startNow(run: Run): boolean;
  now(): Date;
  /** Schedules that wait for an instant sooner than this are looked at by each repair, in ms. */
  readonly repairAheadMs: number;
  onError(error: unknown, during: string): void;
}

const PAGE = 200;
const MAX_TRIES = 5;
/** Runs that are queued for longer than this may have lost their job. */
const QUEUED_LONG_MS = 10_000;

export function createTickService(options: TickServiceOptions): TickService {
  const { storage, scheduler } = options;
  let last: { scheduledFor: Date; lagMs: number } | null = null;

  async function handle(scheduleId: string, scheduledFor: Date): Promise<Date | null> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const handled = await tryHandle(scheduleId, scheduledFor);
      if (handled !== 'changed') return handled;
    }
    throw new Error(`Schedule ${scheduleId} is being changed all the time.`);
  }

  /** `changed`: it was not what it was when this was decided; decide again. */
  async function tryHandle(scheduleId: string, scheduledFor: Date): Promise<Date | null | 'changed'> {
    const schedule = await storage.schedules.find(scheduleId);
    const due = schedule?.enabled ? schedule.nextRunAt : null;
    if (!schedule || !due) return null;
    const now = options.now();
    if (due > now) return due;

    const activeRuns = schedule.overlap === 'skip' ? await storage.runs.countActive(scheduleId) : 0;
    let decided: ReturnType<typeof decideTicks>;
    try {
      decided = decideTicks({ ...schedule, nextRunAt: due }, now, activeRuns);
    } catch (error) {
      // this schedule is broken; the others must not wait for it
      const problem = `Its next run cannot be computed: ${error instanceof Error ? error.message : String(error)}`;
      await storage.schedules.setProblem(scheduleId, schedule.version, problem);
      await storage.changes.publish({ kind: 'schedule', id: scheduleId });
      return null;
    }

    const runs: Run[] = [];
    const ticks = decided.ticks.map((tick): Tick => {
      if (tick.outcome !== 'started') return { scheduleId, ...tick, runId: null };
      const run = queuedRun(schedule, tick.scheduledFor, now);
      runs.push(run);
      return { scheduleId, ...tick, runId: run.id };
    });
    const isFired = await storage.schedules.fire({
      scheduleId,
      version: schedule.version,
      expectedNextRunAt: due,
      nextRunAt: decided.nextRunAt,
      ticks,
      runs,
    });
    // another node was first, or it was edited
    if (!isFired) return 'changed';

    last = { scheduledFor, lagMs: now.getTime() - scheduledFor.getTime() };
    for (const run of runs) if (!options.startNow(run)) await scheduler.queueRun(run.id);
    for (const run of runs) await storage.changes.publish({ kind: 'run', id: run.id });
    await storage.changes.publish({ kind: 'schedule', id: scheduleId });
    return decided.nextRunAt;
  }

  return {
    handle,
    lastTick: () => last,

    async repair() {
      await storage.schedules.completeFirings();
      const until = new Date(options.now().getTime() + options.repairAheadMs);
      let cursor: string | null = null;
      do {
        const page = await storage.schedules.list({ enabled: true }, 'nextRun', {
          limit: PAGE,
          cursor,
          backward: false,
        });
        cursor = page.hasMore ? (page.items.at(-1)?.cursor ?? null) : null;
        for (const { node } of page.items) {
          // one that cannot be read has none, and must not hide those behind it
          if (node.nextRunAt === null) continue;
          if (node.nextRunAt > until) {
            cursor = null;
            break;
          }
          try {
            await scheduler.armTick(node.id, node.nextRunAt);
          } catch (error) {
            options.onError(error, `arming schedule ${node.id}`);
          }
        }
      } while (cursor !== null);
      const queuedBefore = new Date(options.now().getTime() - QUEUED_LONG_MS);
      for (const run of await storage.runs.listQueued(queuedBefore, PAGE)) await scheduler.queueRun(run.id);
    },
  };
}

function queuedRun(schedule: Schedule, scheduledFor: Date, now: Date): Run {
  return {
    id: newId(now),
    playbook: schedule.playbook,
    parameters: schedule.parameters,
    status: 'queued',
    trigger: 'schedule',
    scheduleId: schedule.id,
    scheduledFor,
    queuedAt: now,
    startedAt: null,
    finishedAt: null,
    exitCode: null,
    reason: null,
    workerId: null,
    leaseUntil: null,
    cancelRequestedAt: null,
  };
}
