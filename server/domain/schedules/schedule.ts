import type { RunParameters } from '../../../shared/run-parameters.ts';
import type { Timing } from '../time/timing.ts';
import type { SchedulePolicy } from './policy.ts';

/** What should run, and when. */
export interface Schedule {
  readonly id: string;
  readonly name: string;
  /** Path of the playbook, relative to the playbook folder. */
  readonly playbook: string;
  readonly timing: Timing;
  /** IANA time zone of the timing. */
  readonly timezone: string;
  readonly parameters: RunParameters;
  readonly policy: SchedulePolicy;
  readonly enabled: boolean;
  /**
   * The next nominal instant to fire, which names its tick; null when disabled, faulty, or when it never
   * fires again.
   */
  readonly nextRunAt: Date | null;
  /** When to wake up for that instant; null if and only if there is none. */
  readonly dueAt: Date | null;
  /** Why it cannot fire, in words; null when it is sound. */
  readonly problem: string | null;
  /**
   * The fields whose stored values cannot be read; they are replaced by harmless stand-ins, and `problem`
   * says why.
   */
  readonly unreadable?: readonly ('timing' | 'policy' | 'parameters')[];
  /**
   * How often it was started by hand under its overlap policy; absent: never. Used for compare-and-set: a
   * caller that counts active runs and then starts one passes the number read with the count, so that no
   * other start can slip in between.
   */
  readonly manualStarts?: number;
  /** Starts at 1 and increases by one with each change by a user. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A schedule in a list: without its parameters where they are long. */
export interface ScheduleSummary extends Omit<Schedule, 'parameters' | 'manualStarts'> {
  /** Null: they are long, and have not been checked for readability. */
  readonly parameters: RunParameters | null;
}

export interface ScheduleFilter {
  /** Exact path of the playbook. */
  readonly playbook?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** Substring of the name or of the playbook's path, case-insensitive. */
  readonly search?: string | undefined;
}

/** `nextRun`: soonest first, schedules without a next run last. `name`: by name. `created`: newest first. */
export type ScheduleOrder = 'nextRun' | 'name' | 'created';

/** The instant that a schedule waits for. */
export type AwaitedInstant = Pick<Schedule, 'nextRunAt' | 'dueAt'>;

/** @param nextRunAt the nominal instant; null: none */
export function waitingFor(nextRunAt: Date | null): AwaitedInstant {
  return { nextRunAt, dueAt: nextRunAt && dueAtOf(nextRunAt) };
}

/** When an instant is due: at the instant itself. */
export function dueAtOf(scheduledFor: Date): Date {
  return scheduledFor;
}
