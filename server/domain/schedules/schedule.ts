import type { RunParameters } from '../../../shared/run-parameters.ts';
import type { Timing } from '../time/timing.ts';
import type { SchedulePolicy } from './policy.ts';

/** What is to run, and when. */
export interface Schedule {
  readonly id: string;
  readonly name: string;
  /** Path of the playbook, relative to the playbook folder. */
  readonly playbook: string;
  readonly timing: Timing;
  /** IANA zone in which the timing is read. */
  readonly timezone: string;
  readonly parameters: RunParameters;
  readonly policy: SchedulePolicy;
  readonly enabled: boolean;
  /** The nominal instant that fires next, by which its tick is named; null when disabled, faulty, or when no fire is left. */
  readonly nextRunAt: Date | null;
  /** When to wake up for that instant; null exactly when there is none. */
  readonly dueAt: Date | null;
  /** Why it cannot fire, in words; null when it is sound. */
  readonly problem: string | null;
  /** Set when what is stored of these cannot be read: they are harmless stand-ins then, and `problem` says why. */
  readonly unreadable?: readonly ('timing' | 'policy' | 'parameters')[];
  /**
   * How often it was started by hand under its overlap policy; absent: never. Whoever counts its runs and then starts one
   * names the number that the count was made at, so that no other start comes in between.
   */
  readonly manualStarts?: number;
  /** 1 at first, and one more with each change by a user. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A schedule as lists hold it: without its parameters where they are long. */
export interface ScheduleSummary extends Omit<Schedule, 'parameters' | 'manualStarts'> {
  /** Null: they are long, and nobody has looked whether they can be read. */
  readonly parameters: RunParameters | null;
}

export interface ScheduleFilter {
  /** Exactly this playbook. */
  readonly playbook?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** Part of the name or of the playbook's path, upper and lower case alike. */
  readonly search?: string | undefined;
}

/** `nextRun`: soonest first, those without a next run last. `name`: by name. `created`: newest first. */
export type ScheduleOrder = 'nextRun' | 'name' | 'created';

/** What a schedule waits for. */
export type Awaited = Pick<Schedule, 'nextRunAt' | 'dueAt'>;

/** @param nextRunAt the nominal instant; null: nothing is waited for */
export function awaitInstant(nextRunAt: Date | null): Awaited {
  return { nextRunAt, dueAt: nextRunAt && dueAtOf(nextRunAt) };
}

/** When an instant is due: when it comes. */
export function dueAtOf(scheduledFor: Date): Date {
  return scheduledFor;
}
