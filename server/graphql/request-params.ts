import { type DocumentNode, GraphQLError, getOperationAST, Kind } from 'graphql';
import type { GraphQLParams } from 'graphql-yoga';
import { messageOf } from '../domain/caught.ts';
import { clip } from '../domain/errors.ts';
import { type JsonLimits, jsonShapeFault } from '../domain/json-shape.ts';
import { rememberSource, traceSource } from '../domain/json-source.ts';

/** The parts of a GraphQL request, and the errors for malformed ones: the same over every transport. */

/** Query parameters of a URL by name; a list if a name occurs more than once. */
export type UrlQuery = Readonly<Record<string, unknown>>;

const NAMES = ['query', 'operationName', 'variables', 'extensions'] as const;
const WITH_QUERY = 'expected a JSON object with a "query".';
const MAX_VALUE_LENGTH = 20;

/** @returns what is wrong with it, as a sentence; null: it is shaped like a request */
export function paramsFault(params: unknown): string | null {
  if (params === undefined) return `The request has no body; ${WITH_QUERY}`;
  if (Array.isArray(params))
    return 'The request is a list; expected one JSON object: requests are not batched.';
  if (!isObject(params)) return `The request is ${shown(params)}; ${WITH_QUERY}`;
  const { query, operationName, variables, extensions } = params;
  const text = 'expected the text of a GraphQL document.';
  if (query === undefined || query === null) return `The request has no "query"; ${text}`;
  if (typeof query !== 'string' || query === '') return `"query" is ${shown(query)}; ${text}`;
  if (typeof (operationName ?? '') !== 'string')
    return `"operationName" is ${shown(operationName)}; expected a text or null.`;
  for (const [name, value] of Object.entries({ variables, extensions })) {
    if (!isObject(value ?? {})) return `"${name}" is ${shown(value)}; expected an object or null.`;
  }
  return null;
}

/** @throws {GraphQLError} with the fault that `paramsFault` finds */
export function checkedParams(params: unknown): GraphQLParams {
  const fault = paramsFault(params);
  if (fault !== null) throw malformed(fault);
  traceSource(params, 'variables');
  return params as GraphQLParams;
}

/** The request in a URL; empty parameters count as absent. @throws {GraphQLError} */
export function paramsOfUrl(query: UrlQuery, limits: JsonLimits): GraphQLParams {
  const [text, operationName, variables, extensions] = NAMES.map((name) => {
    const value = query[name];
    if (Array.isArray(value)) throw malformed(`"${name}" is in the URL more than once.`);
    return typeof value === 'string' && value !== '' ? value : undefined;
  });
  return checkedParams({
    query: text,
    operationName,
    variables: parseInUrl('variables', variables, limits),
    extensions: parseInUrl('extensions', extensions, limits),
  });
}

function parseInUrl(name: string, text: string | undefined, limits: JsonLimits): unknown {
  if (text === undefined) return undefined;
  const fault = jsonShapeFault(text, limits);
  if (fault !== null) throw malformed(`"${name}" in the URL: ${fault}`);
  try {
    const value: unknown = JSON.parse(text);
    rememberSource(value, text);
    return value;
  } catch (error) {
    throw malformed(`"${name}" in the URL is not valid JSON: ${clip(messageOf(error))}.`);
  }
}

/** Checks that exactly one operation is selected for execution. @throws {GraphQLError} */
export function checkOperation(document: DocumentNode, operationName: unknown): void {
  const name = typeof operationName === 'string' ? operationName : null;
  if (getOperationAST(document, name)) return;
  const count = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).length;
  const message =
    count === 0
      ? 'The document has no operation.'
      : name === null
        ? `The document has ${count} operations; expected "operationName" to name one.`
        : `The document has no operation named "${clip(name)}".`;
  throw new GraphQLError(message, {
    extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
  });
}

/** The message types that a client may send, and whether each has an id. */
const MESSAGE_TYPES = new Map([
  ['connection_init', false],
  ['ping', false],
  ['pong', false],
  ['subscribe', true],
  ['complete', true],
]);

/**
 * @returns what is wrong with a WebSocket message, as a sentence; null: nothing visible in the message itself
 */
export function messageFault(message: string): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(message);
  } catch {
    return 'The message is not valid JSON.';
  }
  if (!isObject(parsed)) return `The message is ${shown(parsed)}; expected an object with a "type".`;
  const { type, id, payload } = parsed;
  if (type === undefined) return 'The message has no "type".';
  const hasId = typeof type === 'string' ? MESSAGE_TYPES.get(type) : undefined;
  if (hasId === undefined)
    return `"type" is ${shown(type)}; expected a type of message of graphql-transport-ws.`;
  if (!hasId)
    return isObject(payload ?? {}) ? null : `"payload" is ${shown(payload)}; expected an object or null.`;
  if (id === undefined) return 'The message has no "id".';
  if (typeof id !== 'string' || id === '') return `"id" is ${shown(id)}; expected a text that is not empty.`;
  if (type !== 'subscribe') return null;
  return payload === undefined ? 'The message has no "payload".' : paramsFault(payload);
}

function malformed(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Describes a JSON value in a sentence, without its contents. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  return typeof value === 'string' ? JSON.stringify(clip(value, MAX_VALUE_LENGTH)) : String(value);
}
