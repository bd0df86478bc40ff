import type { RunEnd } from './runs/run.ts';
import type { TickOutcome } from './schedules/tick.ts';

/**
 * Something that happened and that somebody may have to be told of. It names what it is about and says what cannot be read
 * there any more; everything else is read from the stores.
 */
export type Fact =
  /** A run has ended; a lost one whose worker came back ends once more. */
  | {
      readonly kind: 'runEnded';
      readonly runId: string;
      readonly scheduleId: string | null;
      readonly status: RunEnd['status'];
    }
  /** It is decided what became of an instant of a schedule. */
  | {
      readonly kind: 'tickRecorded';
      readonly scheduleId: string;
      readonly scheduledFor: Date;
      readonly outcome: TickOutcome;
      /** The run that it started; null when it started none. */
      readonly runId: string | null;
    }
  /** A user has made, changed or removed a schedule; `name` is the one that it has, or had, then. */
  | {
      readonly kind: 'scheduleChanged';
      readonly scheduleId: string;
      readonly change: 'created' | 'updated' | 'deleted';
      readonly version: number;
      readonly name: string;
    }
  /** A schedule cannot fire any more, and why; null: it can again. */
  | { readonly kind: 'scheduleProblem'; readonly scheduleId: string; readonly problem: string | null };

/** A fact that waits to be told. */
export interface OutboxRow {
  /** The same however often it is claimed. Ids sort in the order in which one node has recorded the facts. */
  readonly id: string;
  /** When it was recorded. */
  readonly at: Date;
  /** Null: what is stored cannot be read. */
  readonly fact: Fact | null;
  /** How often it was claimed, this time included. */
  readonly attempts: number;
}
