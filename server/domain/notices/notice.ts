import type { NoticeEvent } from '../notice-event.ts';
import type { RunStatus } from '../runs/run.ts';

/** One event, with all that a message says of it: what it is about may be gone when it is sent. */
export interface Notice {
  readonly event: NoticeEvent;
  /** When it happened. */
  readonly at: Date;
  readonly schedule: { readonly id: string; readonly name: string };
  readonly playbook: string;
  /** Null: the event is of no run. */
  readonly run: NoticeRun | null;
  /** The nominal instant; null: it is of none. */
  readonly scheduledFor: Date | null;
  /** Why, in words; null: there is nothing to say. */
  readonly reason: string | null;
  /** What went wrong, the first of it; empty: nothing, or it is not known. */
  readonly failures: readonly NoticeFailure[];
}

export interface NoticeRun {
  readonly id: string;
  readonly status: RunStatus;
  /** Null: it never started. */
  readonly durationMs: number | null;
}

export interface NoticeFailure {
  readonly hosts: readonly string[];
  readonly task: string;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
}

/** What is sent to a channel at once. Ids are those of the API. */
export interface Message {
  /** The same in every try. */
  readonly id: string;
  /** One or more, in the order in which they happened. */
  readonly notices: readonly (Notice & {
    /** Page of the run or schedule in the console; null: the address of the console is not set. */
    readonly url: string | null;
  })[];
  /** Whether somebody tries the channel. */
  readonly isTest: boolean;
}
