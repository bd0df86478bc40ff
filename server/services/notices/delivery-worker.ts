import { setTimeout as delay } from 'node:timers/promises';
import { SecretsError } from '../../domain/errors.ts';
import type { Channel } from '../../domain/notices/channel.ts';
import { type ClaimedMessage, type DeliveryOutcome, pauseAfter } from '../../domain/notices/delivery.ts';
import type { Message, Notice } from '../../domain/notices/notice.ts';
import type { Notifier } from '../../notify/notify.ts';
import type { Secrets } from '../../secrets/secrets.ts';
import type { Storage } from '../../storage/storage.ts';
import type { NoticeTimings } from '../../timings.ts';
import type { OutboxReader } from '../outbox-reader.ts';
import { openTarget } from './channel-service.ts';

/** Sends what is due, beside everything else: a channel that hangs delays nobody. */
export interface DeliveryWorker {
  start(): void;
  /** Waits a moment for tries under way; what is not done then is sent by another node or after the next start. */
  close(): Promise<void>;
}

export interface DeliveryWorkerOptions {
  readonly storage: Pick<Storage, 'channels' | 'deliveries'>;
  readonly outboxReader: OutboxReader;
  readonly notifier: Notifier;
  readonly secrets: Secrets;
  readonly links: NoticeLinks;
  readonly workerId: string;
  readonly timings: NoticeTimings;
  now(): Date;
  onError(error: unknown, during: string): void;
}

/** How the outside calls what a notice names. */
export interface NoticeLinks {
  /** Id in the API. */
  idOf(type: 'Schedule' | 'Run', id: string): string;
  /** Page in the console; null: its address is not known. */
  urlOf(type: 'Schedule' | 'Run', id: string): string | null;
}

/** How long deliveries are kept. */
const KEPT_MS = 90 * 86_400_000;
const REMOVED_AT_ONCE = 500;

export function createDeliveryWorker(options: DeliveryWorkerOptions): DeliveryWorker {
  const { timings, workerId, onError } = options;
  const { channels, deliveries } = options.storage;
  const closing = new AbortController();
  /** Tries under way by channel: one at a time each. */
  const underWay = new Map<string, Promise<void>>();
  /** Channels whose secrets this node cannot open, and until when others may have their try. */
  const sealedUntil = new Map<string, number>();
  let looking: Promise<void> = Promise.resolve();

  async function attempt(message: ClaimedMessage, channel: Channel | null): Promise<DeliveryOutcome | null> {
    const end = (isDelivered: boolean, answer: string, isFinal = false): DeliveryOutcome => {
      const at = options.now();
      const pauseMs = isDelivered || isFinal ? null : pauseAfter(message.attempts, Math.random());
      const nextAttemptAt = pauseMs === null ? null : new Date(at.getTime() + pauseMs * timings.pauseFactor);
      const state = isDelivered ? 'delivered' : nextAttemptAt ? 'pending' : 'givenUp';
      return { state, at, nextAttemptAt, answer };
    };
    if (!channel) return null;
    if (!channel.enabled) return end(false, 'The channel is disabled.', true);
    try {
      const target = await openTarget(channel, options.secrets);
      const { isDelivered, answer } = await options.notifier.send(target, messageOf(message, options.links));
      return end(isDelivered, answer);
    } catch (error) {
      if (!(error instanceof SecretsError)) throw error;
      onError(error, `telling channel ${channel.id}`);
      sealedUntil.set(channel.id, performance.now() + timings.sealedMs);
      return end(false, error.message);
    }
  }

  async function deliver(message: ClaimedMessage, claimedAt: number): Promise<void> {
    const { id, channelId, attempts } = message;
    const channel = await channels.find(channelId);
    // this process was stopped meanwhile: another node may have the message by now
    if (performance.now() - claimedAt > timings.leaseMs - 2 * timings.sendMs) return;
    const outcome = await attempt(message, channel);
    if (outcome === null) {
      await deliveries.remove({ channelId }, REMOVED_AT_ONCE);
      return;
    }
    // sent but not recorded would be sent again: as long as the database does not answer, nobody can claim it
    for (;;) {
      try {
        await deliveries.settle(id, workerId, attempts, outcome);
        return;
      } catch (error) {
        onError(error, `recording delivery ${id}`);
        await delay(timings.settleAgainMs, undefined, { signal: closing.signal });
      }
    }
  }

  async function startDue(): Promise<void> {
    while (!closing.signal.aborted) {
      const now = options.now();
      const claimedAt = performance.now();
      for (const [id, until] of sealedUntil) if (until < claimedAt) sealedUntil.delete(id);
      const except = [...underWay.keys(), ...sealedUntil.keys()];
      const leaseUntil = new Date(now.getTime() + timings.leaseMs);
      const message = await deliveries.claim(workerId, leaseUntil, now, except);
      if (!message) return;
      const { channelId } = message;
      const trying = deliver(message, claimedAt)
        .catch((error) => {
          if (!closing.signal.aborted) onError(error, `delivery ${message.id}`);
        })
        .finally(() => underWay.delete(channelId));
      underWay.set(channelId, trying);
    }
  }

  async function look(): Promise<void> {
    try {
      await options.outboxReader.read();
      await startDue();
      const before = new Date(options.now().getTime() - KEPT_MS);
      await deliveries.remove({ before }, REMOVED_AT_ONCE);
    } catch (error) {
      onError(error, 'telling of events');
    }
  }

  async function lookAgainAndAgain(): Promise<void> {
    while (!closing.signal.aborted) {
      await look();
      await delay(timings.pollMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }

  return {
    start() {
      looking = lookAgainAndAgain();
    },
    async close() {
      const done = new AbortController();
      const last = looking.then(() => Promise.all(underWay.values()));
      // those that wait for the database end at once
      closing.abort();
      await Promise.race([
        last,
        delay(timings.sendMs, undefined, { signal: done.signal }).catch(() => undefined),
      ]);
      done.abort();
    },
  };
}

function messageOf({ id, deliveries }: ClaimedMessage, links: NoticeLinks): Message {
  return { id, isTest: false, notices: deliveries.map(({ notice }) => shown(notice, links)) };
}

function shown(notice: Notice, { idOf, urlOf }: NoticeLinks): Message['notices'][number] {
  const { schedule, run } = notice;
  return {
    ...notice,
    schedule: { ...schedule, id: idOf('Schedule', schedule.id) },
    run: run && { ...run, id: idOf('Run', run.id) },
    url: run ? urlOf('Run', run.id) : urlOf('Schedule', schedule.id),
  };
}
