import { setTimeout as delay } from 'node:timers/promises';
import { NO_PARAMETERS, type RunParameters } from '../../../shared/run-parameters.ts';
import type { Actor, ChangeLog } from '../../domain/actor.ts';
import { clip, DomainError, InvalidStateError, NotFoundError } from '../../domain/errors.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { Run, RunFilter, RunSummary, ScheduleOutcomes } from '../../domain/runs/run.ts';
import { heedsActiveRuns } from '../../domain/schedules/policy.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { ManualStart, Storage } from '../../storage/storage.ts';
import { newId } from '../new-id.ts';
import type { PlaybookService } from '../playbooks/playbook-service.ts';
import type { Idempotency } from './idempotency.ts';
import type { NewRuns } from './new-runs.ts';
import type { RunExecutor } from './run-executor.ts';

/** Starts runs by hand, cancels and reads them. The executor handles the runs in progress on this node. */
export interface RunService {
  /** Starts a run of a playbook, or queues it until there is room. @throws {InvalidInputError} @throws {NotFoundError} */
  runPlaybook(
    actor: Actor,
    playbook: string,
    parameters: RunParameters | null,
    idempotencyKey?: string | null,
  ): Promise<Run>;
  /**
   * Starts or queues a run of a schedule with the schedule's parameters, even if it is disabled. While
   * another run of it is queued or running under overlap policy `skip`, only if forced; of several concurrent
   * starts and ticks, exactly one wins.
   * @throws {NotFoundError} @throws {InvalidStateError} @throws {InvalidInputError} about the key
   */
  triggerSchedule(actor: Actor, scheduleId: string, options?: TriggerOptions): Promise<Run>;
  /** Why a schedule cannot fire, or its runs currently cannot start; null when they can. Never rejects. */
  problemOf(actor: Actor, schedule: Schedule): Promise<string | null>;
  /**
   * Cancels a run; a running one ends a little later.
   * @throws {NotFoundError} @throws {InvalidStateError} when it has ended
   */
  cancel(actor: Actor, id: string): Promise<RunSummary>;
  find(actor: Actor, id: string): Promise<Run | null>;
  findMany(actor: Actor, ids: readonly string[]): Promise<(RunSummary | null)[]>;
  list(actor: Actor, filter: RunFilter, page: PageRequest): Promise<Page<RunSummary>>;
  count(actor: Actor, filter: RunFilter): Promise<number>;
  lastOfSchedules(actor: Actor, scheduleIds: readonly string[]): Promise<Map<string, RunSummary>>;
  /** How the runs of a schedule ended. */
  outcomesOf(actor: Actor, scheduleId: string): Promise<ScheduleOutcomes>;
  /**
   * Marks runs as lost whose lease has expired and has not been renewed between two checks. Takes
   * `secondLookMs` when there are candidates.
   */
  markLost(actor: Actor): Promise<void>;
}

export interface TriggerOptions {
  readonly isForced?: boolean;
  readonly idempotencyKey?: string | null;
}

export interface RunServiceOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs' | 'changes'>;
  readonly playbooks: Pick<PlaybookService, 'checkRunnable'>;
  readonly idempotency: Pick<Idempotency, 'once'>;
  readonly executor: Pick<RunExecutor, 'cancelIfHere'>;
  readonly newRuns: NewRuns;
  now(): Date;
  /** Longer than a worker takes to renew its leases once the database is back, in ms. */
  readonly secondLookMs: number;
  readonly logChange: ChangeLog;
}

const LOST_AT_ONCE = 100;

export function createRunService(options: RunServiceOptions): RunService {
  const { storage, playbooks, executor, newRuns } = options;
  const { runs } = storage;

  async function findStored(id: string): Promise<Run> {
    const run = await runs.find(id);
    if (!run) throw new Error(`Run ${id} is gone.`);
    return run;
  }

  /** @throws {NotFoundError} @throws {InvalidStateError} */
  async function findRunnable(actor: Actor, scheduleId: string): Promise<Schedule> {
    const schedule = await storage.schedules.find(scheduleId);
    if (!schedule) throw new NotFoundError('schedule', clip(scheduleId));
    // an unreadable schedule may have lost its host limit, too
    if (schedule.unreadable)
      throw new InvalidStateError(`The schedule cannot run as it is: ${schedule.problem}`);
    try {
      await playbooks.checkRunnable(actor, schedule.playbook, schedule.parameters);
    } catch (error) {
      if (error instanceof DomainError)
        throw new InvalidStateError(`The schedule cannot run as it is: ${error.message}`);
      throw error;
    }
    return schedule;
  }

  async function requireNoActive(scheduleId: string): Promise<void> {
    if ((await runs.listActive([scheduleId])).has(scheduleId)) throw alreadyActive();
  }

  return {
    runPlaybook(actor, playbook, parameters, idempotencyKey = null) {
      const template = {
        playbook,
        parameters: parameters ?? NO_PARAMETERS,
        trigger: 'manual',
        scheduleId: null,
        scheduledFor: null,
      } as const;
      return options.idempotency.once(idempotencyKey, ['runPlaybook', playbook, template.parameters], {
        newId: () => newId(options.now()),
        find: (id) => runs.find(id),
        check: () => playbooks.checkRunnable(actor, playbook, template.parameters),
        make: async (id) =>
          (await newRuns.start(actor, { ...template, id }, (run) => runs.insertNew(run))) ??
          (await findStored(id)),
      });
    },

    triggerSchedule(actor, scheduleId, { isForced = false, idempotencyKey = null } = {}) {
      let schedule: Schedule;
      return options.idempotency.once(idempotencyKey, ['triggerSchedule', scheduleId, isForced], {
        newId: () => newId(options.now()),
        find: (id) => runs.find(id),
        async check() {
          schedule = await findRunnable(actor, scheduleId);
          if (heedsActiveRuns(schedule.policy) && !isForced) await requireNoActive(scheduleId);
        },
        async make(id) {
          const { playbook, parameters, policy } = schedule;
          let outcome = 'started' as ManualStart;
          const wanted = {
            id,
            playbook,
            parameters,
            trigger: 'manual',
            scheduleId,
            scheduledFor: null,
          } as const;
          const run = await newRuns.start(actor, wanted, async (admitted) => {
            outcome = await storage.schedules.startByHand(
              { ...admitted, scheduleId },
              isForced || !heedsActiveRuns(policy),
            );
            return outcome === 'started';
          });
          if (run) return run;
          if (outcome === 'gone') throw new NotFoundError('schedule', clip(scheduleId));
          // the active run may have been made with the same idempotency key
          const same = await runs.find(id);
          if (same) return same;
          throw alreadyActive();
        },
      });
    },

    async problemOf(actor, { problem, playbook, parameters }) {
      if (problem !== null) return problem;
      try {
        await playbooks.checkRunnable(actor, playbook, parameters);
        return null;
      } catch (error) {
        return error instanceof DomainError ? error.message : 'The playbook cannot be read.';
      }
    },

    async cancel(actor, id) {
      const now = options.now();
      const marked = await runs.requestCancel(id, now);
      if (!marked) {
        const run = await runs.find(id);
        if (!run) throw new NotFoundError('run', clip(id));
        throw new InvalidStateError(`The run has ended already: ${run.status}.`);
      }
      options.logChange(actor, 'canceled a run', { run: id });
      const reason = 'Canceled on request before it started.';
      const ended = await runs.finish(id, null, {
        status: 'canceled',
        exitCode: null,
        reason,
        finishedAt: now,
      });
      await storage.changes.publish({ kind: 'run', id });
      if (ended) return ended;
      executor.cancelIfHere(id);
      return (await runs.find(id)) ?? marked;
    },

    find: (_actor, id) => runs.find(id),
    findMany: (_actor, ids) => runs.findMany(ids),
    list: (_actor, filter, page) => runs.list(filter, page),
    count: (_actor, filter) => runs.count(filter),
    lastOfSchedules: (_actor, scheduleIds) => runs.lastOfSchedules(scheduleIds),
    outcomesOf: (_actor, scheduleId) => runs.outcomesOf(scheduleId),

    async markLost(actor) {
      const suspects = new Map<string, number>();
      for (const { id, leaseUntil } of await runs.listExpired(options.now(), LOST_AT_ONCE))
        if (leaseUntil) suspects.set(id, leaseUntil.getTime());
      if (suspects.size === 0) return;
      // no worker could renew its leases while the database was away; live ones do so before the second check
      await delay(options.secondLookMs, undefined, { ref: false });
      const now = options.now();
      for (const { id, workerId, leaseUntil } of await runs.listExpired(now, LOST_AT_ONCE)) {
        if (workerId === null || !leaseUntil || suspects.get(id) !== leaseUntil.getTime()) continue;
        const reason = `Node ${workerId} has not been heard of since ${leaseUntil.toISOString()}. If it comes back, it will say how the run ended.`;
        const end = { status: 'lost', exitCode: null, reason, finishedAt: now } as const;
        if (!(await runs.finish(id, workerId, end, now))) continue;
        options.logChange(actor, 'marked a run as lost', { run: id, node: workerId });
        await storage.changes.publish({ kind: 'run', id });
      }
    },
  };
}

function alreadyActive(): InvalidStateError {
  return new InvalidStateError(
    'A run of this schedule is queued or running, and its overlap policy is SKIP. Force it to run beside that one.',
  );
}
