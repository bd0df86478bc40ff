import type { NoticeEvent } from '../notice-event.ts';
import type { Notice } from './notice.ts';

/** One event for one channel: what was, or is still to be, delivered. */
export interface Delivery {
  /** Made of fact, event and channel: the same fact makes it once. */
  readonly id: string;
  readonly channelId: string;
  readonly event: NoticeEvent;
  readonly scheduleId: string;
  /** Null: the event is of no run. */
  readonly runId: string | null;
  readonly notice: Notice;
  readonly createdAt: Date;
  readonly state: DeliveryState;
  /** Tries so far, including one under way. */
  readonly attempts: number;
  /** When it is tried next; null unless pending. */
  readonly nextAttemptAt: Date | null;
  /** Null unless delivered. */
  readonly deliveredAt: Date | null;
  /** What the last try said; null: there was none. */
  readonly answer: string | null;
}

/** `givenUp`: it is not tried again unless somebody asks for it. */
export type DeliveryState = 'pending' | 'delivered' | 'givenUp';

/** Deliveries of one channel that are sent as one message, in every try the same ones. */
export interface ClaimedMessage {
  /** Id of the first of them. */
  readonly id: string;
  readonly channelId: string;
  /** Tries, including this one. */
  readonly attempts: number;
  /** One or more, oldest first. */
  readonly deliveries: readonly Delivery[];
}

/** How a try went. */
export interface DeliveryOutcome {
  readonly state: DeliveryState;
  readonly at: Date;
  /** Null unless pending. */
  readonly nextAttemptAt: Date | null;
  readonly answer: string;
}

const MINUTE_MS = 60_000;
/** Pauses between tries. */
const PAUSES_MS = [1, 5, 30, 120, 360].map((minutes) => minutes * MINUTE_MS);
/** Part of a pause by which it may be longer, so that what failed together is not tried together. */
const JITTER = 0.2;

/**
 * @param attempts how many tries have failed, 1 or more
 * @param random 0 to 1
 * @returns how long to wait for the next; null: it is given up
 */
export function pauseAfter(attempts: number, random: number): number | null {
  const pause = PAUSES_MS[attempts - 1];
  return pause === undefined ? null : Math.round(pause * (1 + JITTER * random));
}
