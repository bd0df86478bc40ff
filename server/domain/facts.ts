import type { RunEnd } from './runs/run.ts';
import type { TickOutcome } from './schedules/tick.ts';

/**
 * An event that someone may need to be notified of. It identifies its subject and includes what can no longer
 * be read there; everything else is read from the stores.
 */
export type Fact =
  /** A run has ended; a lost one whose worker comes back ends once more. */
  | {
      readonly kind: 'runEnded';
      readonly runId: string;
      readonly scheduleId: string | null;
      readonly status: RunEnd['status'];
    }
  /** The outcome of a schedule's instant has been decided. */
  | {
      readonly kind: 'tickRecorded';
      readonly scheduleId: string;
      readonly scheduledFor: Date;
      readonly outcome: TickOutcome;
      /** The run that it started; null: none. */
      readonly runId: string | null;
    }
  /** A user has created, changed or deleted a schedule; `name` is its name at that time. */
  | {
      readonly kind: 'scheduleChanged';
      readonly scheduleId: string;
      readonly change: 'created' | 'updated' | 'deleted';
      readonly version: number;
      readonly name: string;
    }
  /** A schedule can no longer fire, and why; null: it can again. */
  | { readonly kind: 'scheduleProblem'; readonly scheduleId: string; readonly problem: string | null };

/** A fact waiting to be delivered. */
export interface OutboxRow {
  /** Stable across claims. Ids sort in the order in which a node recorded the facts. */
  readonly id: string;
  /** When it was recorded. */
  readonly at: Date;
  /** Null: the stored fact cannot be read. */
  readonly fact: Fact | null;
  /** Number of claims, including this one. */
  readonly attempts: number;
}
