import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  getNamedType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));

/** An operation that is valid, whatever it finds. */
export interface Operation {
  readonly name: string;
  readonly kind: 'query' | 'mutation' | 'subscription';
  readonly query: string;
  readonly variables: Record<string, unknown>;
}

/** One operation for each field of the three root types, so that a new one is in the tests the day it is added. */
export const ROOT_OPERATIONS: readonly Operation[] = (['query', 'mutation', 'subscription'] as const).flatMap(
  (kind) => {
    const root = {
      query: schema.getQueryType,
      mutation: schema.getMutationType,
      subscription: schema.getSubscriptionType,
    };
    return Object.values(root[kind].call(schema)?.getFields() ?? {}).map((field) => operationOf(kind, field));
  },
);

function operationOf(kind: Operation['kind'], field: GraphQLField<unknown, unknown>): Operation {
  const needed = field.args.filter((arg) => isNonNullType(arg.type) && arg.defaultValue === undefined);
  const declared = needed.map((arg) => `$${arg.name}: ${arg.type}`).join(', ');
  const given = needed.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const selection = isCompositeType(getNamedType(field.type)) ? ' { __typename }' : '';
  return {
    name: `${kind} ${field.name}`,
    kind,
    query: `${kind}${declared && ` (${declared})`} { ${field.name}${given && `(${given})`}${selection} }`,
    variables: Object.fromEntries(needed.map((arg) => [arg.name, sampleOf(arg.type)])),
  };
}

/** A timing is a cron expression, which any text is; of others, whichever comes first. */
function oneOf(fields: readonly GraphQLInputField[]): GraphQLInputField {
  const [first] = fields;
  if (!first) throw new Error('There is nothing to choose from.');
  return fields.find(({ name }) => name === 'cron') ?? first;
}

function sampleOf(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return sampleOf(type.ofType);
  if (isListType(type)) return [];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    const needed = type.isOneOf ? [oneOf(fields)] : fields.filter((field) => isNonNullType(field.type));
    return Object.fromEntries(needed.map((field) => [field.name, sampleOf(field.type)]));
  }
  return { Int: 1, Boolean: true, DateTime: '2026-11-24T00:00:00Z', JSONObject: {} }[type.name] ?? 'x';
}
