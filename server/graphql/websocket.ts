import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import type { ServerOptions } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Yoga } from './yoga.ts';

/** GraphQL over WebSocket (graphql-transport-ws), with the same rules and limits as over HTTP. */
export interface GraphqlWebSocket {
  /** Takes over an upgrade request that was let in. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** How many sockets are open. */
  count(): number;
  /** Closes all sockets, telling the clients to come back. */
  close(): Promise<void>;
}

export interface GraphqlWebSocketOptions {
  readonly yoga: Yoga;
  /** Whether the `authorization` that a client gave with `connection_init` is good. */
  isAuthorized(authorization: string | undefined): boolean;
}

/** A client sends documents and ids; what is longer is an attack. */
const MAX_MESSAGE_BYTES = 65_536;
const MAX_OPERATIONS_PER_SOCKET = 100;
const INIT_TIMEOUT_MS = 3_000;
const PING_EVERY_MS = 12_000;

interface Enveloped {
  execute: (args: ExecutionArgs) => unknown;
  subscribe: (args: ExecutionArgs) => unknown;
}

export function createGraphqlWebSocket({ yoga, isAuthorized }: GraphqlWebSocketOptions): GraphqlWebSocket {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });

  const options: ServerOptions = {
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    // false closes the socket with 4403
    onConnect: ({ connectionParams }) => {
      const given = connectionParams?.authorization ?? connectionParams?.Authorization;
      return isAuthorized(typeof given === 'string' ? given : undefined);
    },
    onSubscribe: async (ctx, _id, params) => {
      if (Object.keys(ctx.subscriptions).length > MAX_OPERATIONS_PER_SOCKET) {
        return [
          new GraphQLError(`At most ${MAX_OPERATIONS_PER_SOCKET} operations at once on one connection.`),
        ];
      }
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({ params });
      try {
        const document = parse(params.query);
        const faults = validate(schema, document);
        if (faults.length > 0) return faults;
        return {
          schema,
          document,
          operationName: params.operationName,
          variableValues: params.variables,
          contextValue: await contextFactory(),
          rootValue: { execute, subscribe } satisfies Enveloped,
        };
      } catch (error) {
        // a document that cannot be parsed, or is over a limit
        if (error instanceof GraphQLError) return [error];
        throw error;
      }
    },
    execute: (args) => (args.rootValue as Enveloped).execute({ ...args, rootValue: undefined }),
    subscribe: (args) => (args.rootValue as Enveloped).subscribe({ ...args, rootValue: undefined }),
  } as ServerOptions;

  const server = useServer(options, sockets, PING_EVERY_MS);

  return {
    upgrade(request, socket, head) {
      sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
    },
    count: () => sockets.clients.size,
    async close() {
      for (const client of sockets.clients) client.close(1001, 'Going away');
      await server.dispose();
      for (const client of sockets.clients) client.terminate();
    },
  };
}
