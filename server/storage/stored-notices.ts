import { CHANNEL_KIND_NAMES, type ChannelKind } from '../../shared/channel-kinds.ts';
import { isNoticeEvent, type NoticeEvent } from '../domain/notice-event.ts';
import type { Channel, TargetFields } from '../domain/notices/channel.ts';
import type { Delivery, DeliveryState } from '../domain/notices/delivery.ts';
import type { Notice } from '../domain/notices/notice.ts';
import { NOTHING_TOLD, type NoticeState } from '../domain/notices/notice-rules.ts';

/** How both adapters store what is about telling people, and read it back. */

/** The values that are stored as text. */
export interface StoredChannel {
  readonly kind: string;
  /** JSON, like `defaultFor`. */
  readonly fields: string;
  readonly defaultFor: string;
}

export function writeChannel({ kind, fields, defaultFor }: Channel): StoredChannel {
  return { kind, fields: JSON.stringify(fields), defaultFor: JSON.stringify(defaultFor) };
}

/** A channel of a later version, or a damaged one, is read as disabled: it must not hide the others. */
export function readChannel(
  plain: Omit<Channel, keyof StoredChannel>,
  { kind, fields, defaultFor }: StoredChannel,
): Channel {
  const known = CHANNEL_KIND_NAMES.find((name) => name === kind);
  const read = { fields: readFields(fields), defaultFor: readEvents(defaultFor) };
  const isReadable = known !== undefined && read.fields !== null && read.defaultFor !== null;
  return {
    ...plain,
    kind: known ?? ('webhook' satisfies ChannelKind),
    fields: read.fields ?? {},
    defaultFor: read.defaultFor ?? [],
    enabled: plain.enabled && isReadable,
  };
}

function readFields(json: string): TargetFields | null {
  const stored = parse(json);
  return typeof stored === 'object' && stored !== null && !Array.isArray(stored)
    ? (stored as TargetFields)
    : null;
}

function readEvents(json: string): NoticeEvent[] | null {
  const stored = parse(json);
  return Array.isArray(stored) ? stored.filter(isNoticeEvent) : null;
}

/** Deliveries that one message consists of, at most; more would fit into no chat. */
export const MAX_IN_MESSAGE = 1_000;

/** A delivery whose enums and notice are stored as text. */
export type StoredDelivery = Omit<Delivery, 'event' | 'state' | 'notice'> & {
  readonly event: string;
  readonly state: string;
  /** JSON. */
  readonly notice: string;
};

export function readDelivery(stored: StoredDelivery): Delivery {
  return {
    ...stored,
    event: stored.event as NoticeEvent,
    state: stored.state as DeliveryState,
    notice: readNotice(stored.notice),
  };
}

export function writeNotice(notice: Notice): string {
  return JSON.stringify(notice);
}

function readNotice(json: string): Notice {
  const { at, scheduledFor, ...notice } = JSON.parse(json);
  return { ...notice, at: new Date(at), scheduledFor: scheduledFor === null ? null : new Date(scheduledFor) };
}

export function writeState(state: NoticeState): string {
  return JSON.stringify(state);
}

/** What cannot be read counts as nothing told: it costs a repeated message, not a missing one. */
export function readState(json: string | null): NoticeState {
  const stored = json === null ? null : parse(json);
  if (typeof stored !== 'object' || stored === null) return NOTHING_TOLD;
  const { told, lastEndAt } = stored as { told?: object; lastEndAt?: string | null };
  return {
    told: { ...NOTHING_TOLD.told, ...told },
    lastEndAt: typeof lastEndAt === 'string' ? new Date(lastEndAt) : null,
  };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
