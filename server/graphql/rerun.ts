import { InvalidInputError, InvalidStateError, NotFoundError } from '../domain/errors.ts';
import type { RerunHosts } from '../services/runs/run-repeat.ts';
import { builder } from './builder.ts';
import { localId } from './ids.ts';
import { RunRef } from './refs.ts';
import { nextTurn } from './turns.ts';

builder.objectFields(RunRef, (t) => ({
  retryOf: t.field({
    type: RunRef,
    nullable: true,
    description: 'The run that this one repeats; null: none, or it was removed.',
    resolve: ({ retryOf }, _args, { loadersOf }, info) =>
      retryOf === null ? null : loadersOf(info).run.load(retryOf),
  }),
  onlyHosts: t.stringList({
    nullable: true,
    description:
      'The only hosts that it was started for, instead of the limit of its parameters; null: that limit applies.',
    resolve: ({ id }, _args, { actor, services, answerOf }, info) =>
      answerOf(info).read(
        async () => {
          await nextTurn();
          return (await services.runs.find(actor, id))?.onlyHosts ?? null;
        },
        (hosts) => hosts?.reduce((sum, { length }) => sum + length + 3, 0) ?? 0,
        'short',
      ),
  }),
}));

const RerunHostsEnum = builder.enumType('RerunHosts', {
  values: {
    ALL: { value: 'all', description: 'Those that the run was for, whatever became of them.' },
    FAILED: { value: 'failed' },
    UNREACHABLE: { value: 'unreachable' },
    FAILED_OR_UNREACHABLE: { value: 'failedOrUnreachable' },
  } as const satisfies Record<string, { value: RerunHosts; description?: string }>,
});
const RerunInput = builder.inputType('RerunInput', {
  fields: (t) => ({
    id: t.id({ required: true }),
    hosts: t.field({ type: RerunHostsEnum, required: true, defaultValue: 'all' }),
    idempotencyKey: t.string({ description: 'The same key within 24 h gives the same run.' }),
  }),
});
const RerunPayload = builder.simpleObject('RerunPayload', {
  fields: (t) => ({ run: t.field({ type: RunRef, nullable: false }) }),
});

builder.mutationField('rerun', (t) =>
  t.field({
    type: RerunPayload,
    description:
      'The same parameters again, for all hosts or only those that failed or could not be reached; trigger RETRY, of the same schedule.',
    args: { input: t.arg({ type: RerunInput, required: true }) },
    errors: { types: [NotFoundError, InvalidStateError, InvalidInputError], union: { name: 'RerunResult' } },
    resolve: async (_root, { input }, { actor, services }) => ({
      run: await services.repeat.rerun(
        actor,
        localId('Run', input.id),
        input.hosts,
        input.idempotencyKey ?? null,
      ),
    }),
  }),
);
