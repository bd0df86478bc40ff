import type { Channel } from '../domain/notices/channel.ts';
import type { ClaimedMessage, Delivery, DeliveryOutcome } from '../domain/notices/delivery.ts';
import type { NoticeState } from '../domain/notices/notice-rules.ts';
import type { Page, PageRequest } from '../domain/page.ts';

/** The part of the port {@link Storage} that is about telling people. */

export interface ChannelStore {
  /** Rejects when the id is taken. */
  insert(channel: Channel): Promise<void>;
  find(id: string): Promise<Channel | null>;
  /** All, by name without regard to case, then by id. */
  list(): Promise<Channel[]>;
  /** Replaces the channel if it exists with version `expectedVersion`. @returns whether it did */
  replace(channel: Channel, expectedVersion: number): Promise<boolean>;
  /** @returns whether there was one */
  delete(id: string): Promise<boolean>;
}

/**
 * What is to be delivered and what was, and what channels have been told of each schedule. Deliveries of one
 * channel that wait at the same time are sent as one message; any node sends it.
 */
export interface DeliveryStore {
  /** What channels have been told of a schedule; version 0: nothing is stored. */
  findState(scheduleId: string): Promise<{ readonly state: NoticeState; readonly version: number }>;
  /**
   * Stores the state as version `expectedVersion + 1` and the deliveries with it, all or nothing, even across a
   * crash, if the stored version is `expectedVersion`. Deliveries whose id is taken stay as they are.
   * @returns whether it did
   */
  advance(
    scheduleId: string,
    expectedVersion: number,
    state: NoticeState,
    deliveries: readonly Delivery[],
  ): Promise<boolean>;
  /**
   * Claims the message that is due first: of no other claim before `leaseUntil`. A new message takes all waiting
   * deliveries of its channel, 1,000 at most; one that was tried before consists of the same ones again.
   * @param exceptChannels channels whose messages are left
   */
  claim(
    workerId: string,
    leaseUntil: Date,
    now: Date,
    exceptChannels: readonly string[],
  ): Promise<ClaimedMessage | null>;
  /**
   * Records how a try went. @param attempts of the claim
   * @returns whether the worker still held the message; nothing was stored otherwise
   */
  settle(messageId: string, workerId: string, attempts: number, outcome: DeliveryOutcome): Promise<boolean>;
  /**
   * Makes a delivery that is not pending due again at `now`, with the whole message if it was the first of one.
   * @returns null when there is none that is not pending
   */
  resend(id: string, now: Date): Promise<Delivery | null>;
  find(id: string): Promise<Delivery | null>;
  /** Newest first, by `createdAt`, then id. */
  list(filter: DeliveryFilter, page: PageRequest): Promise<Page<Delivery>>;
  count(filter: DeliveryFilter): Promise<number>;
  /** The newest of each channel; absent when there is none. */
  lastOfChannels(channelIds: readonly string[]): Promise<Map<string, Delivery>>;
  /**
   * Removes deliveries created before `before` that are not pending, oldest first, and with
   * `channelId` those of a channel whatever their state and age.
   * @returns how many; 0: nothing is left
   */
  remove(which: { readonly before: Date } | { readonly channelId: string }, limit: number): Promise<number>;
}

export interface DeliveryFilter {
  readonly channelId?: string | undefined;
}
