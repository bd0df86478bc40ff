import { CHANNEL_KIND_NAMES, CHANNEL_KINDS, channelFieldsOf } from '../../shared/channel-kinds.ts';
import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { TargetInput } from '../domain/notices/channel-target.ts';
import { builder } from './builder.ts';
import { NoticeEventEnum } from './channel.ts';
import { localId } from './ids.ts';
import { ChannelRef } from './refs.ts';
import { requireNotNull } from './run-parameters.ts';

type KindInput = Readonly<Record<string, unknown>>;

/** One input type for all kinds with the same fields. */
const kindInputs = new Map(
  CHANNEL_KIND_NAMES.map((kind) => [CHANNEL_KINDS[kind].input as string, channelFieldsOf(kind)]),
);
const inputRefs = new Map(
  [...kindInputs].map(([name, fields]) => [
    name,
    builder.inputRef<KindInput>(name).implement({
      fields: (t) =>
        Object.fromEntries(
          Object.entries(fields).map(([field, { kind, isRequired, description }]) => [
            field,
            kind === 'addresses'
              ? t.stringList({ required: isRequired, description })
              : t.string({ required: isRequired, description }),
          ]),
        ),
    }),
  ]),
);

const ChannelTargetInput = builder.inputRef<TargetInput>('ChannelTargetInput').implement({
  description: 'Secrets in it are write-only.',
  isOneOf: true,
  fields: (t) =>
    Object.fromEntries(
      CHANNEL_KIND_NAMES.map((kind) => {
        const type = inputRefs.get(CHANNEL_KINDS[kind].input);
        if (!type) throw new Error(`There is no input for ${kind}.`);
        return [kind, t.field({ type })];
      }),
    ),
});

const CreateChannelInput = builder.inputType('CreateChannelInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    target: t.field({ type: ChannelTargetInput, required: true }),
    defaultFor: t.field({
      type: [NoticeEventEnum],
      description: 'Default: FAILED, RECOVERED, MISSED and BROKEN.',
    }),
    enabled: t.boolean({ defaultValue: true }),
  }),
});
const CreateChannelPayload = builder.simpleObject('CreateChannelPayload', {
  fields: (t) => ({ channel: t.field({ type: ChannelRef, nullable: false }) }),
});

builder.mutationField('createChannel', (t) =>
  t.field({
    type: CreateChannelPayload,
    args: { input: t.arg({ type: CreateChannelInput, required: true }) },
    errors: { types: [InvalidInputError], union: { name: 'CreateChannelResult' } },
    resolve: async (_root, { input }, { actor, services }) => ({
      channel: await services.channels.create(actor, {
        name: input.name,
        target: input.target,
        defaultFor: input.defaultFor ?? null,
        enabled: input.enabled ?? true,
      }),
    }),
  }),
);

const UpdateChannelInput = builder.inputType('UpdateChannelInput', {
  description: 'What is left out stays as it is. A target is replaced whole, its secrets included.',
  fields: (t) => ({
    id: t.id({ required: true }),
    name: t.string(),
    target: t.field({ type: ChannelTargetInput }),
    defaultFor: t.field({ type: [NoticeEventEnum] }),
    enabled: t.boolean(),
  }),
});
const UpdateChannelPayload = builder.simpleObject('UpdateChannelPayload', {
  fields: (t) => ({ channel: t.field({ type: ChannelRef, nullable: false }) }),
});

builder.mutationField('updateChannel', (t) =>
  t.field({
    type: UpdateChannelPayload,
    args: { input: t.arg({ type: UpdateChannelInput, required: true }) },
    errors: { types: [InvalidInputError, NotFoundError], union: { name: 'UpdateChannelResult' } },
    resolve: async (_root, { input }, { actor, services }) => ({
      channel: await services.channels.update(actor, localId('Channel', input.id), {
        name: requireNotNull(input.name, 'name'),
        target: requireNotNull(input.target, 'target'),
        defaultFor: requireNotNull(input.defaultFor, 'defaultFor'),
        enabled: requireNotNull(input.enabled, 'enabled'),
      }),
    }),
  }),
);

const DeleteChannelInput = builder.inputType('DeleteChannelInput', {
  fields: (t) => ({ id: t.id({ required: true }) }),
});
const DeleteChannelPayload = builder.simpleObject('DeleteChannelPayload', {
  fields: (t) => ({ id: t.id({ nullable: false }) }),
});

builder.mutationField('deleteChannel', (t) =>
  t.field({
    type: DeleteChannelPayload,
    args: { input: t.arg({ type: DeleteChannelInput, required: true }) },
    errors: { types: [NotFoundError], union: { name: 'DeleteChannelResult' } },
    resolve: async (_root, { input }, { actor, services }) => {
      await services.channels.delete(actor, localId('Channel', input.id));
      return { id: input.id };
    },
  }),
);

const TestChannelInput = builder.inputType('TestChannelInput', {
  fields: (t) => ({ id: t.id({ required: true }) }),
});
const TestChannelPayload = builder.simpleObject('TestChannelPayload', {
  fields: (t) => ({
    delivered: t.boolean({ nullable: false }),
    answer: t.string({
      nullable: false,
      description: 'What the other side answered, or why it was not reached.',
    }),
  }),
});

builder.mutationField('testChannel', (t) =>
  t.field({
    type: TestChannelPayload,
    description: 'Sends a sample and answers with what the other side said.',
    args: { input: t.arg({ type: TestChannelInput, required: true }) },
    errors: { types: [NotFoundError], union: { name: 'TestChannelResult' } },
    resolve: async (_root, { input }, { actor, services }) => {
      const { isDelivered, answer } = await services.channels.test(actor, localId('Channel', input.id));
      return { delivered: isDelivered, answer };
    },
  }),
);
