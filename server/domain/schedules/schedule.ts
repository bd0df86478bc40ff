import type { RunParameters } from '../../../shared/run-parameters.ts';
import type { Timing } from '../time/timing.ts';

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
  /** What happens when an instant comes while a run of this schedule is queued or running. */
  readonly overlap: OverlapPolicy;
  readonly enabled: boolean;
  /** The nominal instant that fires next; null when disabled, faulty, or when no fire is left. */
  readonly nextRunAt: Date | null;
  /** Why it cannot fire, in words; null when it is sound. */
  readonly problem: string | null;
  /** Set when what is stored of these cannot be read: they are harmless stand-ins then, and `problem` says why. */
  readonly unreadable?: readonly ('timing' | 'parameters')[];
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

/** `skip`: the new instant does not run and is recorded as skipped. `allow`: both run at once. */
export type OverlapPolicy = 'skip' | 'allow';

export interface ScheduleFilter {
  /** Exactly this playbook. */
  readonly playbook?: string | undefined;
  readonly enabled?: boolean | undefined;
  /** Part of the name or of the playbook's path, upper and lower case alike. */
  readonly search?: string | undefined;
}

/** `nextRun`: soonest first, those without a next run last. `name`: by name. `created`: newest first. */
export type ScheduleOrder = 'nextRun' | 'name' | 'created';
