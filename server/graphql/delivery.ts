import { InvalidStateError, NotFoundError } from '../domain/errors.ts';
import type { ShownDelivery } from '../services/notices/delivery-service.ts';
import { builder } from './builder.ts';
import { NoticeEventEnum } from './channel.ts';
import { connectionOf, pageComplexity } from './connections.ts';
import { tryLocalId } from './ids.ts';
import { ChannelRef, RunRef, ScheduleRef } from './refs.ts';

const DeliveryStateEnum = builder.enumType('DeliveryState', {
  values: {
    PENDING: { value: 'pending', description: 'It is still to be delivered.' },
    DELIVERED: { value: 'delivered', description: 'The other side has accepted it.' },
    GIVEN_UP: { value: 'givenUp', description: 'It failed too often, and is not tried again.' },
  } as const,
});

const DeliveryRef = builder.objectRef<ShownDelivery>('Delivery').implement({
  description: 'One event for one channel.',
  fields: (t) => ({
    id: t.exposeID('id'),
    event: t.expose('event', { type: NoticeEventEnum }),
    channel: t.field({ type: ChannelRef, resolve: ({ channel }) => channel }),
    schedule: t.field({
      type: ScheduleRef,
      nullable: true,
      description: 'Null when it is deleted.',
      resolve: ({ scheduleId }, _args, { loadersOf }, info) => loadersOf(info).schedule.load(scheduleId),
    }),
    run: t.field({
      type: RunRef,
      nullable: true,
      description: 'Null when the event is of none, and when it is removed.',
      resolve: ({ runId }, _args, { loadersOf }, info) =>
        runId === null ? null : loadersOf(info).run.load(runId),
    }),
    state: t.expose('state', { type: DeliveryStateEnum }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    deliveredAt: t.expose('deliveredAt', { type: 'DateTime', nullable: true }),
    attempts: t.exposeInt('attempts'),
    nextAttemptAt: t.expose('nextAttemptAt', { type: 'DateTime', nullable: true }),
    answer: t.exposeString('answer', { nullable: true, description: 'What the last try said.' }),
  }),
});

builder.queryField('deliveries', (t) =>
  t.connection(
    {
      complexity: pageComplexity,
      type: DeliveryRef,
      description: 'What was, or is still to be, delivered; newest first.',
      args: { channelId: t.arg.id() },
      resolve: (_root, { channelId, ...args }, { actor, services: { deliveries } }) => {
        // an invalid id matches nothing
        const filter = channelId ? { channelId: tryLocalId('Channel', channelId) ?? '' } : {};
        return connectionOf(
          args,
          (page) => deliveries.list(actor, filter, page),
          () => deliveries.count(actor, filter),
        );
      },
    },
    { name: 'DeliveryConnection' },
    { name: 'DeliveryEdge' },
  ),
);

builder.objectField(ChannelRef, 'lastDelivery', (t) =>
  t.field({
    type: DeliveryRef,
    nullable: true,
    resolve: async (channel, _args, { loadersOf }, info) => {
      const last = await loadersOf(info).lastDeliveryOfChannel.load(channel.id);
      return last && { ...last, channel };
    },
  }),
);

const ResendDeliveryInput = builder.inputType('ResendDeliveryInput', {
  fields: (t) => ({ id: t.id({ required: true }) }),
});
const ResendDeliveryPayload = builder.simpleObject('ResendDeliveryPayload', {
  fields: (t) => ({ delivery: t.field({ type: DeliveryRef, nullable: false }) }),
});

builder.mutationField('resendDelivery', (t) =>
  t.field({
    type: ResendDeliveryPayload,
    description: 'Tries a delivery again that was given up or that arrived; under the same `Sible-Delivery`.',
    args: { input: t.arg({ type: ResendDeliveryInput, required: true }) },
    errors: { types: [NotFoundError, InvalidStateError], union: { name: 'ResendDeliveryResult' } },
    resolve: async (_root, { input }, { actor, services }) => ({
      delivery: await services.deliveries.resend(actor, input.id),
    }),
  }),
);
