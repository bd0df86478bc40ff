import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type ServerOptions } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { createLongStrings } from './long-strings.ts';
import type { Yoga } from './yoga.ts';

/** GraphQL over WebSocket (graphql-transport-ws), with the same rules and limits as over HTTP. */
export interface GraphqlWebSocket {
  /** Whether there is room for one more from this address. */
  hasRoom(address: string | undefined): boolean;
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
  /** Something failed that the client is told nothing of. */
  onInternalError(error: unknown): void;
}

/** A client sends documents and ids; what is longer is an attack. */
const MAX_MESSAGE_BYTES = 65_536;
const MAX_OPERATIONS_PER_SOCKET = 20;
/** Each costs memory; more than this is no console and no team. */
const MAX_SOCKETS = 5_000;
/** From one address, of those who have not shown that they may: they would take the places of others. */
const MAX_STRANGERS = 1_000;
const INIT_TIMEOUT_MS = 3_000;
const PING_EVERY_MS = 12_000;
/** A client that reads slowly gets to a ping late. */
const MAX_UNANSWERED_PINGS = 5;
const CLOSE_TIMEOUT_MS = 500;

interface Extra {
  /** No stranger any more. Safe to call again. */
  introduced(): void;
}

interface Enveloped {
  execute: (args: ExecutionArgs) => unknown;
  subscribe: (args: ExecutionArgs) => unknown;
}

export function createGraphqlWebSocket(options: GraphqlWebSocketOptions): GraphqlWebSocket {
  const { yoga, isAuthorized, onInternalError } = options;
  const longStrings = createLongStrings();
  /** Sockets by address that have not introduced themselves. */
  const strangers = new Map<string, number>();
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
  });

  const server = makeServer({
    jsonMessageReplacer: longStrings.replacer,
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    // false closes the socket with 4403
    onConnect: ({ connectionParams, extra }) => {
      const given = connectionParams?.authorization ?? connectionParams?.Authorization;
      const isGood = isAuthorized(typeof given === 'string' ? given : undefined);
      if (isGood) (extra as Extra).introduced();
      return isGood;
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
  } as ServerOptions);

  /** @returns the function that takes it off the list, once */
  function countStranger(address: string): () => void {
    strangers.set(address, (strangers.get(address) ?? 0) + 1);
    let isCounted = true;
    return () => {
      if (!isCounted) return;
      isCounted = false;
      const others = (strangers.get(address) ?? 1) - 1;
      if (others > 0) strangers.set(address, others);
      else strangers.delete(address);
    };
  }

  function serve(client: WebSocket, request: IncomingMessage): void {
    const introduced = countStranger(request.socket.remoteAddress ?? '');
    // faults of the client's frames, which close the socket by themselves
    client.on('error', () => undefined);
    const stopPinging = pingUntilSilent(client);
    const closed = server.opened(
      {
        protocol: client.protocol,
        send: (message) => send(client, request, longStrings.split(message)),
        close: (code, reason) => client.close(code, reason),
        onMessage: (handle) =>
          client.on('message', (data) => {
            handle(String(data)).catch((error: unknown) => {
              onInternalError(error);
              client.close(CloseCode.InternalServerError, 'Internal error');
            });
          }),
      },
      { introduced } satisfies Extra,
    );
    client.once('close', (code, reason) => {
      introduced();
      stopPinging();
      Promise.resolve(closed(code, String(reason))).catch(onInternalError);
    });
  }

  return {
    hasRoom: (address = '') =>
      sockets.clients.size < MAX_SOCKETS && (strangers.get(address) ?? 0) < MAX_STRANGERS,

    upgrade(request, socket, head) {
      sockets.handleUpgrade(request, socket, head, (client) => serve(client, request));
    },
    count: () => sockets.clients.size,
    async close() {
      const clients = [...sockets.clients];
      const closed = clients.map((client) => once(client, 'close'));
      for (const client of clients) client.close(1001, 'Going away');
      await Promise.race([Promise.all(closed), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
      for (const client of clients) client.terminate();
    },
  };
}

/** Resolves when the message has left: until then nothing more is made for this client, however slow it is. */
function send(
  client: WebSocket,
  { socket }: IncomingMessage,
  parts: readonly (string | Buffer)[],
): Promise<void> {
  if (client.readyState !== client.OPEN) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    const last = parts.length - 1;
    socket.cork();
    // a part is a fragment, so that a buffer that is sent to many is not copied
    for (const [i, part] of parts.entries())
      client.send(part, { binary: false, fin: i === last }, i === last ? done : undefined);
    socket.uncork();
  });
}

/** Ends a socket whose other end does not answer. @returns the function that stops it */
function pingUntilSilent(client: WebSocket): () => void {
  let unanswered = 0;
  client.on('pong', () => {
    unanswered = 0;
  });
  const pinging = setInterval(() => {
    unanswered += 1;
    if (unanswered > MAX_UNANSWERED_PINGS) client.terminate();
    else client.ping();
  }, PING_EVERY_MS);
  return () => clearInterval(pinging);
}
