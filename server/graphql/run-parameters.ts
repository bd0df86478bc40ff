import type { GraphQLResolveInfo } from 'graphql';
import {
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
  type RunParameters,
} from '../../shared/run-parameters.ts';
import { InvalidInputError } from '../domain/errors.ts';
import { pauseBefore } from '../domain/long-work.ts';
import type { RunParametersInput } from '../domain/runs/parameters/input.ts';
import type { Answer } from './answer.ts';
import { builder } from './builder.ts';
import { isSelected } from './selection.ts';

/** Parameters whose text was counted on reading, so that the first field to send it adds nothing. */
const counted = new WeakSet<RunParameters>();
const TEXT_FIELDS = new Set(['extraVarsJson', 'extraVars']);

/**
 * Reads stored parameters for one field of a response. Drops the extra variables unless they are selected, so
 * that unsent text is not kept in memory.
 */
export async function readParameters(
  read: () => Promise<RunParameters | null>,
  answer: Answer,
  info: GraphQLResolveInfo,
): Promise<RunParameters | null> {
  if (!isSelected(TEXT_FIELDS, info)) {
    const parameters = await answer.read(read, () => 0, 'short');
    return parameters && { ...parameters, extraVarsJson: null };
  }
  const parameters = await answer.read(read, (found) => found?.extraVarsJson?.length ?? 0, 'short');
  if (!parameters) return null;
  const own = { ...parameters };
  counted.add(own);
  return own;
}

/** Each alias sends the text again. */
const readText = (parameters: RunParameters, answer: Answer) =>
  answer.read(
    async () => parameters.extraVarsJson,
    (text) => (counted.delete(parameters) ? 0 : (text?.length ?? 0)),
    'short',
  );

export const RunParametersRef = builder.objectRef<RunParameters>('RunParameters').implement({
  description: 'What ansible-playbook is started with.',
  fields: (t) => {
    const fieldOf = (name: RunParameterName) => {
      const field = RUN_PARAMETERS[name];
      const { description } = field;
      // the table gives each value's type, and storage has validated it
      const value = <T>(all: RunParameters) => all[name] as T;
      switch (field.kind) {
        case 'list':
          return t.stringList({ description, resolve: (all) => [...value<readonly string[]>(all)] });
        case 'flag':
          return t.boolean({ description, resolve: value<boolean> });
        case 'number':
          return t.int({ description, nullable: field.default === null, resolve: value<number> });
        case 'text':
          return t.string({ description, nullable: true, resolve: value<string | null> });
        case 'json':
          return t.field({
            type: 'JSONText',
            description,
            nullable: true,
            resolve: (all, _args, { answerOf }, info) => readText(all, answerOf(info)),
          });
      }
    };
    return {
      ...Object.fromEntries(RUN_PARAMETER_NAMES.map((name) => [name, fieldOf(name)])),
      inventory: t.string({
        nullable: true,
        description: 'The inventory, where there is exactly one.',
        resolve: ({ inventories }) => (inventories.length === 1 ? (inventories[0] ?? null) : null),
      }),
      extraVars: t.field({
        type: 'JSONObject',
        nullable: true,
        description: '`extraVarsJson` as an object, with numbers rounded as JSON parsers round them.',
        resolve: async (all, _args, { answerOf }, info) => {
          const json = await readText(all, answerOf(info));
          await pauseBefore(json ?? '');
          return objectOf(json);
        },
      }),
    };
  },
});

export const RunParametersInputRef = builder.inputRef<RunParametersInput>('RunParametersInput').implement({
  description:
    'Null is the same as not given. Where something is changed, what is left out stays as it is, and null clears.',
  fields: (t) => {
    const fieldOf = (name: RunParameterName) => {
      const { kind, description } = RUN_PARAMETERS[name];
      switch (kind) {
        case 'list':
          return t.stringList({ description });
        case 'flag':
          return t.boolean({ description });
        case 'number':
          return t.int({ description });
        case 'text':
          return t.string({ description });
        case 'json':
          return t.field({
            type: 'JSONText',
            description: `${description} Not together with \`extraVars\`.`,
          });
      }
    };
    return {
      ...Object.fromEntries(RUN_PARAMETER_NAMES.map((name) => [name, fieldOf(name)])),
      inventory: t.string({ description: 'The same as `inventories`, for one. Not both.' }),
      extraVars: t.field({
        type: 'JSONObject',
        description:
          'The same as `extraVarsJson`, as an object. Numbers arrive as they are written in the request; a client that parses them first may have rounded them.',
      }),
    };
  },
});

/** Null when the stored text is not a JSON object; a run with it is refused with that reason. */
function objectOf(json: string | null): Readonly<Record<string, unknown>> | null {
  if (json === null) return null;
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

/** Refuses `null` where it has no meaning, e.g. `updateSchedule(playbook: null)`. */
export function requireNotNull<T>(value: T | null | undefined, field: string): T | undefined {
  if (value !== null) return value;
  throw new InvalidInputError([
    { path: [field], message: `"${field}" is null; leave it out to keep it as it is.`, position: null },
  ]);
}
