import { InvalidInputError } from '../domain/errors.ts';
import { NO_PARAMETERS, type RunParameters } from '../domain/run.ts';
import { builder } from './builder.ts';

export const RunParametersRef = builder.objectRef<RunParameters>('RunParameters').implement({
  description: "What ansible-playbook is started with; null or empty: ansible's own default.",
  fields: (t) => ({
    inventory: t.exposeString('inventory', { nullable: true }),
    limit: t.exposeString('limit', { nullable: true }),
    tags: t.stringList({ resolve: (parameters) => [...parameters.tags] }),
    skipTags: t.stringList({ resolve: (parameters) => [...parameters.skipTags] }),
    extraVars: t.expose('extraVars', { type: 'JSONObject', nullable: true }),
    check: t.exposeBoolean('check'),
    diff: t.exposeBoolean('diff'),
    verbosity: t.exposeInt('verbosity'),
    forks: t.exposeInt('forks', { nullable: true }),
  }),
});

export const RunParametersInput = builder.inputType('RunParametersInput', {
  fields: (t) => ({
    inventory: t.string({ description: 'Inventory file or folder, relative to the playbook folder.' }),
    limit: t.string({ description: 'Host pattern.' }),
    tags: t.stringList(),
    skipTags: t.stringList(),
    extraVars: t.field({
      type: 'JSONObject',
      description: 'Handed to the playbook as data: templates in it stay text.',
    }),
    check: t.boolean(),
    diff: t.boolean(),
    verbosity: t.int({ description: '0 to 6.' }),
    forks: t.int({ description: '1 to 500.' }),
  }),
});

/** What is null or not given is the default. */
export function runParametersOf(input: typeof RunParametersInput.$inferInput): RunParameters {
  return {
    inventory: input.inventory ?? null,
    limit: input.limit ?? null,
    tags: input.tags ?? [],
    skipTags: input.skipTags ?? [],
    extraVars: input.extraVars ?? null,
    check: input.check ?? NO_PARAMETERS.check,
    diff: input.diff ?? NO_PARAMETERS.diff,
    verbosity: input.verbosity ?? NO_PARAMETERS.verbosity,
    forks: input.forks ?? null,
  };
}

/** `null` where null says nothing, e.g. `updateSchedule(name: null)`. */
export function requireNotNull<T>(value: T | null | undefined, field: string): T | undefined {
  if (value !== null) return value;
  throw new InvalidInputError([
    { path: [field], message: `"${field}" is null; leave it out to keep it as it is.`, position: null },
  ]);
}
