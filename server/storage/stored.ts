import { NO_PARAMETERS } from '../../shared/run-parameters.ts';
import { messageOf } from '../domain/caught.ts';
import { DEFAULT_POLICY, readPolicy, type SchedulePolicy } from '../domain/schedules/policy.ts';
import type { Schedule, ScheduleSummary } from '../domain/schedules/schedule.ts';
import type { Timing } from '../domain/time/timing.ts';
import { readParameters } from './stored-parameters.ts';

/** How both adapters store values as JSON text, and read them back. */

export function writeTiming(timing: Timing): string {
  return JSON.stringify(timing);
}

export function writePolicy(policy: SchedulePolicy): string {
  return JSON.stringify(policy);
}

/** The text in which a search looks for a schedule. */
export function searchTextOf(schedule: Pick<Schedule, 'name' | 'playbook'>): string {
  return `${schedule.name}\n${schedule.playbook}`.toWellFormed().toLowerCase();
}

/** Sort key of schedules without a next run in the order NEXT_RUN. */
export const NEVER_MS: number = Number.MAX_SAFE_INTEGER;

type Plain = Omit<Schedule, 'timing' | 'policy' | 'parameters' | 'nextRunAt' | 'dueAt' | 'problem'>;

interface Stored {
  readonly timing: string;
  readonly policy: string;
  /** Null: they are long and were not read. */
  readonly parameters: string | null;
  readonly nextRunAt: Date | null;
  readonly dueAt: Date | null;
  readonly problem: string | null;
}

/**
 * A schedule with unreadable parts is returned with a problem and harmless stand-ins: it is shown, and must not
 * hide the others.
 */
export function readSchedule(plain: Plain, stored: Stored & { readonly parameters: string }): Schedule;
export function readSchedule(plain: Plain, stored: Stored): ScheduleSummary;
export function readSchedule(plain: Plain, stored: Stored): ScheduleSummary {
  const faults: string[] = [];
  const unreadable: NonNullable<Schedule['unreadable']>[number][] = [];
  const read = <T>(
    field: (typeof unreadable)[number],
    json: string,
    from: (json: string) => T,
    standIn: T,
  ): T => {
    try {
      return from(json);
    } catch (error) {
      faults.push(messageOf(error));
      unreadable.push(field);
      return standIn;
    }
  };
  const timing = read('timing', stored.timing, readTiming, { kind: 'once', at: new Date(0) });
  const policy = read('policy', stored.policy, (json) => readPolicy(JSON.parse(json)), DEFAULT_POLICY);
  const parameters =
    stored.parameters === null ? null : read('parameters', stored.parameters, readParameters, NO_PARAMETERS);
  const { nextRunAt, dueAt, problem } = stored;
  if (unreadable.length === 0) return { ...plain, timing, policy, parameters, nextRunAt, dueAt, problem };
  return {
    ...plain,
    timing,
    policy,
    parameters,
    nextRunAt: null,
    dueAt: null,
    problem: `What is stored of it cannot be read: ${faults.join('; ')}`,
    unreadable,
  };
}

function readTiming(json: string): Timing {
  const stored = JSON.parse(json);
  switch (stored?.kind) {
    case 'cron':
      if (typeof stored.expression === 'string') return { kind: 'cron', expression: stored.expression };
      break;
    case 'once':
      return { kind: 'once', at: readDate(stored.at) };
    case 'interval':
      if (typeof stored.seconds === 'number') {
        return { kind: 'interval', seconds: stored.seconds, anchor: readDate(stored.anchor) };
      }
      break;
  }
  throw new Error(`its timing is ${json.slice(0, 100)}`);
}

function readDate(value: unknown): Date {
  const date = typeof value === 'string' ? new Date(value) : new Date(Number.NaN);
  if (Number.isNaN(date.getTime())) throw new Error(`${JSON.stringify(value)} is no instant`);
  return date;
}
