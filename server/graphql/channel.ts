import { CHANNEL_KIND_NAMES, type ChannelKind } from '../../shared/channel-kinds.ts';
import type { NoticeEvent } from '../domain/notice-event.ts';
import { builder } from './builder.ts';
import { ChannelRef } from './refs.ts';

export const ChannelKindEnum = builder.enumType('ChannelKind', {
  values: Object.fromEntries(
    CHANNEL_KIND_NAMES.map((kind) => [kind.toUpperCase(), { value: kind }]),
  ) as Record<string, { value: ChannelKind }>,
});

export const NoticeEventEnum = builder.enumType('NoticeEvent', {
  values: {
    FAILED: { value: 'failed', description: 'A run failed, timed out, was lost or could not start.' },
    RECOVERED: { value: 'recovered', description: 'The first success after a failure that was told.' },
    SUCCEEDED: { value: 'succeeded' },
    MISSED: { value: 'missed', description: 'An instant passed without a start.' },
    LATE: { value: 'late', description: "Started later than the schedule's tolerance." },
    BROKEN: { value: 'broken', description: 'A schedule cannot fire.' },
    DRIFTED: { value: 'drifted', description: 'A check found changes.' },
  } as const satisfies Record<string, { value: NoticeEvent; description?: string }>,
});

builder.node(ChannelRef, {
  description: 'A place where people are told of events.',
  id: { resolve: (channel) => channel.id },
  loadWithoutCache: (id, { actor, services }) => services.channels.find(actor, id),
  isTypeOf: () => true,
  fields: (t) => ({
    name: t.exposeString('name'),
    kind: t.expose('kind', { type: ChannelKindEnum }),
    target: t.exposeString('target', {
      description: 'Where it goes, without secrets, e.g. the host of a webhook.',
    }),
    enabled: t.exposeBoolean('enabled'),
    defaultFor: t.field({
      type: [NoticeEventEnum],
      description: 'Told of these for every schedule that names no channels of its own.',
      resolve: ({ defaultFor }) => [...defaultFor],
    }),
  }),
});

builder.queryField('channels', (t) =>
  t.field({
    type: [ChannelRef],
    description: 'By name.',
    complexity: { field: 1, multiplier: 10 },
    resolve: (_root, _args, { actor, services }) => services.channels.list(actor),
  }),
);
