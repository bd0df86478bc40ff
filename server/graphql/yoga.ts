import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { GraphQLError, type GraphQLErrorExtensions } from 'graphql';
import { createYoga, type GraphQLParams, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Actor } from '../domain/actor.ts';
import type { JsonLimits } from '../domain/json-shape.ts';
import { clientError } from './client-errors.ts';
import { type Context, createContext, type Recipient, type Services } from './context.ts';
import { createDocumentCache } from './document-cache.ts';
import { documentLimits } from './document-limits.ts';
import { publicError } from './errors.ts';
import { hiddenSchema } from './hidden-schema.ts';
import { schema } from './schema.ts';
import { nextTurn } from './turns.ts';
import { variableLimits } from './variable-limits.ts';

/**
 * JSON limits of a request or message, besides its length. Allows for a list of 10,000 extra variables, more
 * than any operation needs.
 */
export const JSON_LIMITS: JsonLimits = { values: 25_000, depth: 100 };

export interface YogaOptions {
  readonly services: Services;
  /** Serve GraphiQL to browsers at the endpoint, and allow introspection. */
  readonly isDevelopment: boolean;
  /** Reports an internal error, with the id given to the client. */
  onInternalError(error: unknown, requestId: string): void;
}

/**
 * Transport context of an operation: over HTTP the parsed request and the response, over WebSocket the
 * recipient.
 */
interface ServerContext {
  readonly actor: Actor;
  /** @throws {GraphQLError} when it is not a GraphQL request */
  readonly readParams?: () => GraphQLParams;
  readonly res?: ServerResponse;
  readonly recipient?: Recipient;
}

export type Yoga = YogaServerInstance<ServerContext, Context>;

export function createGraphqlYoga(options: YogaOptions): Yoga {
  const hidesSchema = !options.isDevelopment;
  const plugins = [
    readParams,
    inTurns,
    ...documentLimits(hidesSchema),
    variableLimits,
    ...(hidesSchema ? [hiddenSchema] : []),
  ];
  return createYoga<ServerContext, Context>({
    schema,
    context: ({ actor, res, recipient }) =>
      createContext(actor, options.services, recipient ?? (res ? recipientOf(res) : null)),
    graphqlEndpoint: '/graphql',
    plugins,
    // do not cache invalid documents: they rarely repeat
    parserAndValidationCache: {
      documentCache: createDocumentCache(),
      errorCache: { get: () => undefined, set: () => undefined },
    },
    // Yoga's default allows any origin, with credentials
    cors: false,
    multipart: false,
    batching: false,
    // Fastify has already read it, within its limit
    maxRequestBodySize: false,
    landingPage: false,
    graphiql: options.isDevelopment,
    logging: false,
    maskedErrors: {
      maskError: (error) => {
        const original = error instanceof GraphQLError ? error.originalError : error;
        const shown = publicError(original);
        if (shown) return shownAt(error, shown.message, shown.extensions);
        // raised by graphql-js itself, about the document or the variables
        if (error instanceof GraphQLError && (!original || original instanceof GraphQLError))
          return clientError(error, hidesSchema);
        const requestId = randomUUID();
        options.onInternalError(original, requestId);
        return shownAt(error, 'Internal error.', { code: 'INTERNAL_SERVER_ERROR', requestId });
      },
    },
  });
}

/** Yoga would treat a body such as `[]` as not yet parsed. */
const readParams: Plugin<object, ServerContext> = {
  onRequestParse({ serverContext, setRequestParser }) {
    if (serverContext.readParams) setRequestParser(serverContext.readParams);
  },
};

/** For HTTP; a WebSocket takes turns per message. */
const inTurns: Plugin = { onParams: () => nextTurn() };

/** Callbacks for the closing of a connection. */
const whenClosed = new WeakMap<Socket, Set<() => void>>();

/** A pipelined response that waits behind others gets no event when its connection closes. */
function recipientOf(response: ServerResponse): Recipient {
  const { socket } = response.req;
  return {
    onceSent(done) {
      if (socket.destroyed) {
        done();
        return;
      }
      const waiting = whenClosed.get(socket) ?? watchClose(socket);
      waiting.add(done);
      response.once('close', () => endInTurn(waiting, done));
    },
    cut: () => socket.destroy(),
  };
}

function watchClose(socket: Socket): Set<() => void> {
  const waiting = new Set<() => void>();
  whenClosed.set(socket, waiting);
  socket.once('close', () => {
    for (const done of waiting) void endInTurn(waiting, done);
  });
  return waiting;
}

/** Ending an operation can be as expensive as beginning one. */
async function endInTurn(waiting: Set<() => void>, done: () => void): Promise<void> {
  if (!waiting.delete(done)) return;
  await nextTurn();
  done();
}

/** Adds `error`'s location in the document, if it has one. */
function shownAt(error: unknown, message: string, extensions: GraphQLErrorExtensions): GraphQLError {
  const { nodes = null, path = null } = error instanceof GraphQLError ? error : {};
  return new GraphQLError(message, { nodes, path, extensions });
}
