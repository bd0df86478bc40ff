import type { ChannelKind } from '../../../shared/channel-kinds.ts';
import type { NoticeEvent } from '../notice-event.ts';

/** A place where people are told of events. */
export interface Channel {
  readonly id: string;
  readonly name: string;
  readonly kind: ChannelKind;
  /** Where it goes, without secrets. */
  readonly target: string;
  /** The fields of the target that are no secrets. */
  readonly fields: TargetFields;
  /** The secret fields, sealed together for the row {@link channelRow}; null: it has none. */
  readonly sealed: string | null;
  readonly enabled: boolean;
  /** Told of these for every schedule that names no channels of its own. */
  readonly defaultFor: readonly NoticeEvent[];
  /** Starts at 1 and increases by one with each change. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Values of the fields of a target, by name; a field that is not given is missing. */
export type TargetFields = Readonly<Record<string, string | readonly string[]>>;

/** A target with all of its fields, ready to be sent to. */
export interface Target {
  readonly kind: ChannelKind;
  readonly fields: TargetFields;
}

/** Identity of the row that the secrets of a channel are sealed for. */
export function channelRow(id: string): string {
  return `channel:${id}`;
}
