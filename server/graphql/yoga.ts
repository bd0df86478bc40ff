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
 * Of a request or a message, beside the lengths of both. A list of 10,000 extra variables is allowed, and more than it are no
 * variables of an operation.
 */
export const JSON_LIMITS: JsonLimits = { values: 25_000, depth: 100 };

export interface YogaOptions {
  readonly services: Services;
  /** Serve GraphiQL to browsers that open the endpoint, and tell the schema. */
  readonly isDevelopment: boolean;
  /** An internal error, with the id that the client was given. */
  onInternalError(error: unknown, requestId: string): void;
}

/** What an operation comes with: over HTTP the request as it was read and the response, over WebSocket whom it goes to. */
interface ServerContext {
  readonly actor: Actor;
  /** @throws {GraphQLError} when it is no request of GraphQL */
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
    // documents with errors are not kept: each of them is another one
    parserAndValidationCache: {
      documentCache: createDocumentCache(),
      errorCache: { get: () => undefined, set: () => undefined },
    },
    // Yoga's own default answers any Origin with credentials
    cors: false,
    multipart: false,
    batching: false,
    // Fastify has read it, within its limit
    maxRequestBodySize: false,
    landingPage: false,
    graphiql: options.isDevelopment,
    logging: false,
    maskedErrors: {
      maskError: (error) => {
        const original = error instanceof GraphQLError ? error.originalError : error;
        const shown = publicError(original);
        if (shown) return shownAt(error, shown.message, shown.extensions);
        // made by GraphQL itself, of the document or the variables
        if (error instanceof GraphQLError && (!original || original instanceof GraphQLError))
          return clientError(error, hidesSchema);
        const requestId = randomUUID();
        options.onInternalError(original, requestId);
        return shownAt(error, 'Internal error.', { code: 'INTERNAL_SERVER_ERROR', requestId });
      },
    },
  });
}

/** Yoga would take a body such as `[]` for one that is yet to be read. */
const readParams: Plugin<object, ServerContext> = {
  onRequestParse({ serverContext, setRequestParser }) {
    if (serverContext.readParams) setRequestParser(serverContext.readParams);
  },
};

/** Over HTTP; a WebSocket takes turns for each message. */
const inTurns: Plugin = { onParams: () => nextTurn() };

/** What is to be done when a connection closes. */
const whenClosed = new WeakMap<Socket, Set<() => void>>();

/** A response that waits behind others on its connection (pipelining) does not hear that this has closed. */
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

/** Ending an operation can take as long as beginning one. */
async function endInTurn(waiting: Set<() => void>, done: () => void): Promise<void> {
  if (!waiting.delete(done)) return;
  await nextTurn();
  done();
}

/** At the place in the document where `error` happened, if it knows one. */
function shownAt(error: unknown, message: string, extensions: GraphQLErrorExtensions): GraphQLError {
  const { nodes = null, path = null } = error instanceof GraphQLError ? error : {};
  return new GraphQLError(message, { nodes, path, extensions });
}
