import { GraphQLError, Kind, type ValueNode } from 'graphql';
import { sourceTextOf } from '../domain/json-source.ts';
import { jsonTextOf, RoundedNumberError } from '../domain/json-text.ts';

/** Deeper than any valid input; later checks report the actual limit. */
const MAX_DEPTH = 100;

/**
 * JSON text of an object in a request's variables, as written if the source is known. @throws {GraphQLError}
 */
export function jsonTextOfVariable(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GraphQLError('Expected a JSON object.');
  return sourceTextOf(value) ?? textOf(value);
}

/** JSON text of an object literal in a document, with its numbers as written. @throws {GraphQLError} */
export function jsonTextOfLiteral(
  node: ValueNode,
  variables?: Readonly<Record<string, unknown>> | null,
): string {
  if (node.kind !== Kind.OBJECT) throw new GraphQLError('Expected a JSON object.', { nodes: node });
  return literal(node, variables ?? {}, 0);
}

function literal(node: ValueNode, variables: Readonly<Record<string, unknown>>, depth: number): string {
  if (depth > MAX_DEPTH) throw new GraphQLError(`The object is nested more than ${MAX_DEPTH} deep.`);
  switch (node.kind) {
    case Kind.STRING:
      return JSON.stringify(node.value);
    // GraphQL's number grammar is that of JSON
    case Kind.INT:
    case Kind.FLOAT:
      return node.value;
    case Kind.BOOLEAN:
      return String(node.value);
    case Kind.NULL:
      return 'null';
    case Kind.LIST:
      return `[${node.values.map((inner) => literal(inner, variables, depth + 1)).join(',')}]`;
    case Kind.OBJECT:
      return `{${node.fields
        .map(({ name, value }) => `${JSON.stringify(name.value)}:${literal(value, variables, depth + 1)}`)
        .join(',')}}`;
    case Kind.VARIABLE:
      return textOf(variables[node.name.value] ?? null);
    case Kind.ENUM:
      throw new GraphQLError(`"${node.value}" is no JSON value; texts are in double quotes.`, {
        nodes: node,
      });
  }
}

function textOf(value: unknown): string {
  try {
    return jsonTextOf(value);
  } catch (error) {
    if (error instanceof RoundedNumberError) throw new GraphQLError(error.message);
    if (error instanceof RangeError) throw new GraphQLError('The object is nested too deep.');
    throw error;
  }
}
