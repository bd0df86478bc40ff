import { NO_PARAMETERS } from '../../shared/run-parameters.ts';
import { ConflictError, InvalidInputError, InvalidStateError, NotFoundError } from '../domain/errors.ts';
import { changeOf, parametersOf } from '../domain/runs/parameters/input.ts';
import { builder } from './builder.ts';
import { localId } from './ids.ts';
import { RunRef, ScheduleRef } from './refs.ts';
import { RunParametersInputRef, requireNotNull } from './run-parameters.ts';
import { ScheduleTimingInput, timingInputOf } from './schedule.ts';
import { OverlapPolicyEnum, policyChangeOf, policyFields } from './schedule-policy.ts';

const CreateScheduleInput = builder.inputType('CreateScheduleInput', {
  fields: (t) => ({
    playbook: t.string({ required: true }),
    timing: t.field({ type: ScheduleTimingInput, required: true }),
    timezone: t.field({ type: 'TimeZone', description: "Default: the server's configured zone." }),
    name: t.string({ description: "Default: the playbook's path." }),
    enabled: t.boolean({ defaultValue: true }),
    overlap: t.field({ type: OverlapPolicyEnum, defaultValue: 'skip' }),
    ...policyFields(t),
    parameters: t.field({ type: RunParametersInputRef }),
    idempotencyKey: t.string({ description: 'The same key within 24 h gives the same schedule.' }),
  }),
});
const CreateSchedulePayload = builder.simpleObject('CreateSchedulePayload', {
  fields: (t) => ({ schedule: t.field({ type: ScheduleRef, nullable: false }) }),
});

builder.mutationField('createSchedule', (t) =>
  t.field({
    type: CreateSchedulePayload,
    args: { input: t.arg({ type: CreateScheduleInput, required: true }) },
    errors: { types: [InvalidInputError, NotFoundError], union: { name: 'CreateScheduleResult' } },
    resolve: async (_root, { input }, { actor, services }) => ({
      schedule: await services.schedules.create(
        actor,
        {
          playbook: input.playbook,
          timing: timingInputOf(input.timing),
          timezone: input.timezone ?? null,
          name: input.name ?? null,
          enabled: input.enabled ?? true,
          policy: policyChangeOf(input),
          parameters: input.parameters ? parametersOf(input.parameters) : null,
        },
        input.idempotencyKey ?? null,
      ),
    }),
  }),
);

const UpdateScheduleInput = builder.inputType('UpdateScheduleInput', {
  description:
    'What is left out stays as it is, also inside the timing and the parameters; null makes it what it is at first.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int(),
    playbook: t.string(),
    timing: t.field({ type: ScheduleTimingInput }),
    timezone: t.field({ type: 'TimeZone' }),
    name: t.string(),
    enabled: t.boolean(),
    overlap: t.field({ type: OverlapPolicyEnum }),
    ...policyFields(t),
    parameters: t.field({
      type: RunParametersInputRef,
      description: 'Changes those that are given; null: all are as when they are not given.',
    }),
  }),
});
const UpdateSchedulePayload = builder.simpleObject('UpdateSchedulePayload', {
  fields: (t) => ({ schedule: t.field({ type: ScheduleRef, nullable: false }) }),
});

builder.mutationField('updateSchedule', (t) =>
  t.field({
    type: UpdateSchedulePayload,
    args: { input: t.arg({ type: UpdateScheduleInput, required: true }) },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError],
      union: { name: 'UpdateScheduleResult' },
    },
    resolve: async (_root, { input }, { actor, services }) => {
      const timing = requireNotNull(input.timing, 'timing');
      return {
        schedule: await services.schedules.update(actor, localId('Schedule', input.id), {
          expectedVersion: input.expectedVersion ?? undefined,
          playbook: requireNotNull(input.playbook, 'playbook'),
          timing: timing && timingInputOf(timing),
          timezone: input.timezone,
          name: input.name,
          enabled: requireNotNull(input.enabled, 'enabled'),
          policy: policyChangeOf(input),
          parameters:
            input.parameters === null ? NO_PARAMETERS : input.parameters && changeOf(input.parameters),
        }),
      };
    },
  }),
);

const DeleteScheduleInput = builder.inputType('DeleteScheduleInput', {
  fields: (t) => ({ id: t.id({ required: true }) }),
});
const DeleteSchedulePayload = builder.simpleObject('DeleteSchedulePayload', {
  fields: (t) => ({ id: t.id({ nullable: false }) }),
});

builder.mutationField('deleteSchedule', (t) =>
  t.field({
    type: DeleteSchedulePayload,
    args: { input: t.arg({ type: DeleteScheduleInput, required: true }) },
    errors: { types: [NotFoundError], union: { name: 'DeleteScheduleResult' } },
    resolve: async (_root, { input }, { actor, services }) => {
      await services.schedules.delete(actor, localId('Schedule', input.id));
      return { id: input.id };
    },
  }),
);

const TriggerScheduleInput = builder.inputType('TriggerScheduleInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    idempotencyKey: t.string({ description: 'The same key within 24 h gives the same run.' }),
    force: t.boolean({
      defaultValue: false,
      description: 'Starts it although a run of the schedule goes on and its overlap policy is SKIP.',
    }),
  }),
});
const TriggerSchedulePayload = builder.simpleObject('TriggerSchedulePayload', {
  fields: (t) => ({ run: t.field({ type: RunRef, nullable: false }) }),
});

builder.mutationField('triggerSchedule', (t) =>
  t.field({
    type: TriggerSchedulePayload,
    description: 'Runs the schedule now, with its own parameters.',
    args: { input: t.arg({ type: TriggerScheduleInput, required: true }) },
    errors: {
      types: [NotFoundError, InvalidStateError, InvalidInputError],
      union: { name: 'TriggerScheduleResult' },
    },
    resolve: async (_root, { input }, { actor, services }) => ({
      run: await services.runs.triggerSchedule(actor, localId('Schedule', input.id), {
        isForced: input.force ?? false,
        idempotencyKey: input.idempotencyKey ?? null,
      }),
    }),
  }),
);
