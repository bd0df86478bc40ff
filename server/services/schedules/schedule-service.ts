import { isDeepStrictEqual } from 'node:util';
import { NO_PARAMETERS } from '../../../shared/run-parameters.ts';
import type { Actor, ChangeLog } from '../../domain/actor.ts';
import { ConflictError, NotFoundError } from '../../domain/errors.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import { changePolicy } from '../../domain/schedules/policy.ts';
import {
  type Schedule,
  type ScheduleFilter,
  type ScheduleOrder,
  type ScheduleSummary,
  waitingFor,
} from '../../domain/schedules/schedule.ts';
import type { Tick } from '../../domain/schedules/tick.ts';
import { decideTicks } from '../../domain/schedules/tick-decision.ts';
import { describeTiming, nextInstant, nextInstants } from '../../domain/time/timing.ts';
import { parseTiming, type TimingInput } from '../../domain/time/timing-input.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Storage } from '../../storage/storage.ts';
import { newId } from '../new-id.ts';
import type { PlaybookService } from '../playbooks/playbook-service.ts';
import { requireName } from '../require-name.ts';
import type { Idempotency } from '../runs/idempotency.ts';
import {
  type CreateSchedule,
  keepingAnchor,
  requireChannels,
  requireCount,
  requireInstant,
  requireNextInstant,
  requireReplacement,
  requireTimezone,
  type UpdateSchedule,
} from './schedule-input.ts';

/**
 * Manages what should run, and when. The store is written first, the scheduler second: jobs are derived from
 * it and repaired from it.
 */
export interface ScheduleService {
  /** @throws {InvalidInputError} @throws {NotFoundError} when there is no such playbook, or it was made with this key and deleted */
  create(actor: Actor, input: CreateSchedule, idempotencyKey?: string | null): Promise<Schedule>;
  /**
   * Changes the given fields. Once this has resolved, only the new version fires.
   * @throws {InvalidInputError} @throws {NotFoundError} @throws {ConflictError} when its version is not the
   * expected one
   */
  update(actor: Actor, id: string, input: UpdateSchedule): Promise<Schedule>;
  /** Once this has resolved, it starts nothing more; runs in progress continue. @throws {NotFoundError} */
  delete(actor: Actor, id: string): Promise<void>;
  find(actor: Actor, id: string): Promise<Schedule | null>;
  findMany(actor: Actor, ids: readonly string[]): Promise<(ScheduleSummary | null)[]>;
  list(
    actor: Actor,
    filter: ScheduleFilter,
    order: ScheduleOrder,
    page: PageRequest,
  ): Promise<Page<ScheduleSummary>>;
  count(actor: Actor, filter: ScheduleFilter): Promise<number>;
  listByPlaybooks(actor: Actor, paths: readonly string[]): Promise<Map<string, ScheduleSummary[]>>;
  /** Notifies watchers of a playbook's schedules that it was saved or deleted. */
  announcePlaybook(actor: Actor, path: string): Promise<void>;
  listTicks(actor: Actor, id: string, page: PageRequest): Promise<Page<Tick>>;
  countTicks(actor: Actor, id: string): Promise<number>;
  /** The next fires, earliest first; none when disabled or faulty. @param count 0–1,000 */
  nextRuns(actor: Actor, schedule: ScheduleSummary, count: number): readonly Date[];
  /** @param count 0–1,000 @throws {InvalidInputError} */
  preview(
    actor: Actor,
    timing: TimingInput,
    timezone: string | null,
    from: Date | null,
    count: number,
  ): SchedulePreview;
}

export interface SchedulePreview {
  readonly description: string;
  readonly fires: readonly Date[];
}

export interface ScheduleServiceOptions {
  readonly storage: Pick<Storage, 'schedules' | 'ticks' | 'channels' | 'changes'>;
  readonly idempotency: Pick<Idempotency, 'once'>;
  readonly scheduler: Pick<Scheduler, 'armTick' | 'disarmTick'>;
  readonly playbooks: Pick<PlaybookService, 'checkRunnable'>;
  /** Zone of schedules that set none. */
  readonly defaultTimezone: string;
  now(): Date;
  onError(error: unknown, during: string): void;
  readonly logChange: ChangeLog;
}

/** Compare-and-set attempts before an update that races with other changes becomes a conflict. */
const MAX_TRIES = 5;

export function createScheduleService(options: ScheduleServiceOptions): ScheduleService {
  const { storage, scheduler, playbooks } = options;
  const { schedules, ticks } = storage;

  /** It is already stored; if arming fails, the sweep repairs it. */
  async function announce(schedule: Schedule): Promise<void> {
    try {
      if (schedule.dueAt) await scheduler.armTick(schedule.dueAt);
    } catch (error) {
      options.onError(error, `arming schedule ${schedule.id}`);
    }
    await storage.changes.publish({ kind: 'schedule', id: schedule.id });
  }

  /**
   * Records due instants that nobody has handled yet: moving the schedule on to another instant would lose
   * them.
   * @returns whether there were any; the schedule has then changed
   */
  async function recordPassed(schedule: Schedule, now: Date): Promise<boolean> {
    const { id, version, nextRunAt, dueAt, problem } = schedule;
    if (!nextRunAt || !dueAt || dueAt > now || problem !== null) return false;
    const decision = decideTicks({ ...schedule, nextRunAt }, now, []);
    const ticks = decision.ticks.map(
      ({ scheduledFor, outcome, reason }): Tick => ({
        scheduleId: id,
        scheduledFor,
        runId: null,
        outcome: outcome === 'started' ? 'missed' : outcome,
        reason: reason ?? 'The schedule was changed before it could be started.',
      }),
    );
    const firing = { scheduleId: id, version, expectedNextRunAt: nextRunAt, ...decision.next };
    await schedules.fire([{ ...firing, ticks, runs: [] }]);
    return true;
  }

  /** Disarms an instant that no schedule waits for any more. A superfluous wake-up would do no harm. */
  async function forget(instant: Date | null): Promise<void> {
    try {
      if (instant && !(await schedules.isAwaited(instant))) await scheduler.disarmTick(instant);
    } catch (error) {
      options.onError(error, `disarming ${instant?.toISOString()}`);
    }
  }

  return {
    async create(actor, input, idempotencyKey = null) {
      // flat and in this order, so that keys bound by earlier versions still match
      const { policy: change, parameters: given, ...others } = input;
      const policy = changePolicy(null, change);
      const request = { ...others, ...change, overlap: policy.overlap, parameters: given };
      let draft: Omit<Schedule, 'id'>;
      return options.idempotency.once(idempotencyKey, ['createSchedule', request], {
        newId: () => newId(options.now()),
        async find(id, isDone) {
          const schedule = await schedules.find(id);
          if (!schedule && isDone) throw new NotFoundError('schedule', id);
          return schedule;
        },
        async check() {
          const now = options.now();
          const timezone = requireTimezone(input.timezone ?? options.defaultTimezone, 'timezone');
          const timing = parseTiming(input.timing, now);
          const parameters = given ?? NO_PARAMETERS;
          const name = requireName(input.name ?? input.playbook);
          const next = requireNextInstant(timing, timezone, now);
          await requireChannels(policy.channels, storage.channels);
          await playbooks.checkRunnable(actor, input.playbook, parameters);
          draft = {
            name,
            playbook: input.playbook,
            timing,
            timezone,
            parameters,
            policy,
            enabled: input.enabled,
            ...waitingFor(input.enabled ? next : null),
            problem: null,
            version: 1,
            createdAt: now,
            updatedAt: now,
          };
        },
        async make(id) {
          const schedule = { id, ...draft };
          try {
            await schedules.insert(schedule);
          } catch (error) {
            // another node may have created it with the same key
            const made = idempotencyKey === null ? null : await schedules.find(id);
            if (!made) throw error;
            return made;
          }
          options.logChange(actor, 'created a schedule', { schedule: id, playbook: schedule.playbook });
          await announce(schedule);
          return schedule;
        },
      });
    },

    async update(actor, id, input) {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const current = await schedules.find(id);
        if (!current) throw new NotFoundError('schedule', id);
        if (input.expectedVersion !== undefined && input.expectedVersion !== current.version) {
          throw new ConflictError(
            `The schedule was changed since it was read: its version is ${current.version}, not ${input.expectedVersion}.`,
          );
        }
        requireReplacement(current, input);
        const now = options.now();
        const timing = input.timing ? parseTiming(keepingAnchor(input.timing, current), now) : current.timing;
        const timezone =
          input.timezone === undefined
            ? current.timezone
            : requireTimezone(input.timezone ?? options.defaultTimezone, 'timezone');
        const playbook = input.playbook ?? current.playbook;
        const parameters = { ...current.parameters, ...input.parameters };
        const enabled = input.enabled ?? current.enabled;
        // setting the same value again changes nothing: a one-off that has fired does not fire again
        const isRetimed =
          current.unreadable?.includes('timing') ||
          timezone !== current.timezone ||
          !isDeepStrictEqual(timing, current.timing);
        const isAboutTime = isRetimed || (current.enabled && !enabled);
        if (isAboutTime && (await recordPassed(current, now))) continue;
        const isReenabled = enabled && !current.enabled;
        if (isRetimed || isReenabled) requireNextInstant(timing, timezone, now);
        await requireChannels(input.policy?.channels, storage.channels);
        if (input.playbook !== undefined || input.parameters !== undefined)
          await playbooks.checkRunnable(actor, playbook, parameters);
        const { unreadable: _, ...readable } = current;
        const changed: Schedule = {
          ...readable,
          name: input.name === undefined ? current.name : requireName(input.name ?? playbook),
          playbook,
          timing,
          timezone,
          parameters,
          policy: changePolicy(current.policy, input.policy ?? {}),
          enabled,
          // an instant that is due but unhandled stays due, unless the change is about time
          ...(enabled && !isRetimed && !isReenabled && current.problem === null
            ? {}
            : waitingFor(enabled ? nextInstant(timing, timezone, now) : null)),
          problem: null,
          version: current.version + 1,
          updatedAt: now,
        };
        if (await schedules.replace(changed, current.version)) {
          options.logChange(actor, 'changed a schedule', { schedule: id, version: changed.version });
          await announce(changed);
          if (current.dueAt?.getTime() !== changed.dueAt?.getTime()) await forget(current.dueAt);
          return changed;
        }
      }
      throw new ConflictError('The schedule is being changed by others; read it again.');
    },

    async delete(actor, id) {
      const deleted = await schedules.delete(id);
      if (!deleted) throw new NotFoundError('schedule', id);
      options.logChange(actor, 'deleted a schedule', { schedule: id, playbook: deleted.playbook });
      await forget(deleted.dueAt);
      await storage.changes.publish({ kind: 'schedule', id });
    },

    find: (_actor, id) => schedules.find(id),
    findMany: (_actor, ids) => schedules.findMany(ids),
    list: (_actor, filter, order, page) => schedules.list(filter, order, page),
    count: (_actor, filter) => schedules.count(filter),
    listByPlaybooks: (_actor, paths) => schedules.listByPlaybooks(paths),
    async announcePlaybook(_actor, path) {
      try {
        for (const { id } of (await schedules.listByPlaybooks([path])).get(path) ?? [])
          await storage.changes.publish({ kind: 'schedule', id });
      } catch (error) {
        options.onError(error, `telling of playbook ${path}`);
      }
    },
    listTicks: (_actor, id, page) => ticks.list(id, page),
    countTicks: (_actor, id) => ticks.count(id),

    nextRuns(_actor, schedule, count) {
      requireCount(count);
      const { nextRunAt } = schedule;
      if (!nextRunAt || count === 0) return [];
      return [nextRunAt, ...nextInstants(schedule.timing, schedule.timezone, nextRunAt, count - 1)];
    },

    preview(_actor, timingInput, timezone, from, count) {
      requireCount(count);
      const zone = requireTimezone(timezone ?? options.defaultTimezone, 'timezone');
      const timing = parseTiming(timingInput, options.now());
      const start = from === null ? options.now() : requireInstant(from, 'from');
      return { description: describeTiming(timing, zone), fires: nextInstants(timing, zone, start, count) };
    },
  };
}
