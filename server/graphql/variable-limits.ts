import {
  type ExecutionArgs,
  GraphQLError,
  type GraphQLInputType,
  getNullableType,
  isInputObjectType,
  isInputType,
  isListType,
  Kind,
  type TypeNode,
  typeFromAST,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { traceSource } from '../domain/json-source.ts';

/**
 * Maximum length of a name or a non-text value (number, enum name, id), which graphql-js quotes in full in
 * its messages.
 */
const MAX_LENGTH = 10_000;
/** Scalar types whose values may be long. */
const TEXTS = new Set(['String', 'JSONObject', 'JSONText']);

/**
 * Refuses variables so long that reporting a fault in them would be slow, and traces the others to their
 * source text.
 */
export const variableLimits: Plugin = {
  onExecute: ({ args }) => checkVariables(args),
  onSubscribe: ({ args }) => checkVariables(args),
};

function checkVariables({ schema, document, variableValues }: ExecutionArgs): void {
  if (!variableValues) return;
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    for (const { variable, type: node } of definition.variableDefinitions ?? []) {
      const type = typeFromAST(schema, node as Extract<TypeNode, { kind: Kind.NAMED_TYPE }>);
      if (isInputType(type))
        check(type, traceSource(variableValues, variable.name.value), variable.name.value);
    }
  }
}

function check(givenType: GraphQLInputType, value: unknown, variable: string): void {
  const type = getNullableType(givenType);
  if (typeof value === 'string') {
    if (value.length > MAX_LENGTH && !('name' in type && TEXTS.has(type.name)))
      throw new GraphQLError(
        `Variable "$${variable}" has a value of ${value.length} characters where no text is expected.`,
        { extensions: { code: 'BAD_USER_INPUT' } },
      );
  } else if (isListType(type)) {
    // GraphQL coerces a single value to a list of one
    if (!Array.isArray(value)) check(type.ofType, value, variable);
    else for (const at of value.keys()) check(type.ofType, traceSource(value, at), variable);
  } else if (isInputObjectType(type) && typeof value === 'object' && value !== null) {
    const fields = type.getFields();
    for (const name of Object.keys(value)) {
      const field = fields[name];
      if (field) check(field.type, traceSource(value, name), variable);
      else if (name.length > MAX_LENGTH)
        throw new GraphQLError(
          `Variable "$${variable}" has a field whose name has ${name.length} characters.`,
          {
            extensions: { code: 'BAD_USER_INPUT' },
          },
        );
    }
  }
}
