import { CHANNEL_KIND_NAMES, type ChannelKind } from '../../shared/channel-kinds.ts';
import { isNoticeEvent, type NoticeEvent } from '../domain/notice-event.ts';
import type { Channel, TargetFields } from '../domain/notices/channel.ts';

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

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
