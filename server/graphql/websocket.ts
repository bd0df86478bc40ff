import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type ServerOptions } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Actor } from '../domain/actor.ts';
import { jsonShapeFault } from '../domain/json-shape.ts';
import { rememberSource } from '../domain/json-source.ts';
import type { Recipient } from './context.ts';
import { createLongStrings } from './long-strings.ts';
import { checkedParams, messageFault } from './request-params.ts';
import { limitBytes, pingUntilSilent, receive, send } from './socket-flow.ts';
import { createUnauthenticatedSockets } from './unauthenticated-sockets.ts';
import { JSON_LIMITS, type Yoga } from './yoga.ts';

/** GraphQL over WebSocket (graphql-transport-ws), with the same rules and limits as over HTTP. */
export interface GraphqlWebSocket {
  /** Whether there is room for one more; makes it where somebody waits who has not shown the key. */
  makeRoom(): boolean;
  /** Takes over an upgrade request that was let in. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Called for an upgrade request that is no WebSocket handshake; the listener answers and closes the connection. */
  onBadHandshake(listener: (socket: Duplex, message: string) => void): void;
  /** How many sockets are open. */
  count(): number;
  /** Closes all sockets, telling the clients to come back. */
  close(): Promise<void>;
}

export interface GraphqlWebSocketOptions {
  readonly yoga: Yoga;
  /** Whose the `authorization` is that a client gave with `connection_init`; null when it is not good. */
  actorOf(authorization: string | undefined, address: string): Actor | null;
  /** Counts a key that was not good. @returns whether this address has given too many of them */
  refuseKey(address: string): boolean;
  /** Something failed that the client is told nothing of. */
  onInternalError(error: unknown): void;
}

/** A client sends documents and ids; what is longer is an attack. */
const MAX_MESSAGE_BYTES = 65_536;
const MAX_OPERATIONS_PER_SOCKET = 20;
/** Each costs memory; more than this is no console and no team. */
const MAX_SOCKETS = 5_000;
/** From one address, of those who have not shown that they may be here. */
const MAX_UNAUTHENTICATED = 1_000;
/** Of one message; browsers send one of this length in a single frame. */
const MAX_FRAGMENTS = 256;
/** Until it has shown that it may be here, a client says no more than that. */
const MAX_UNAUTHENTICATED_BYTES = 16_384;
const INIT_TIMEOUT_MS = 3_000;
/** For the other end to answer that it closes too. */
const CLOSE_TIMEOUT_MS = 500;
const MAX_REASON_BYTES = 123;
/** As HTTP: too many requests. */
const TOO_MANY_KEYS = 4429;

interface Extra {
  readonly address: string;
  /** It is authenticated now. */
  introduced(actor: Actor): void;
  /** Who is at the other end. Throws before that is known. */
  actor(): Actor;
  close(code: number, reason: string): void;
  /** The text of the message that is handled in this turn. */
  message(): string;
  /** Whom the answer to an operation goes to. */
  recipientOf(operation: string): Recipient;
  /** The last of the answer has left. */
  sent(operation: string): void;
}

interface Enveloped {
  execute: (args: ExecutionArgs) => unknown;
  subscribe: (args: ExecutionArgs) => unknown;
}

export function createGraphqlWebSocket(options: GraphqlWebSocketOptions): GraphqlWebSocket {
  const { yoga, actorOf, refuseKey, onInternalError } = options;
  const longStrings = createLongStrings();
  const unauthenticated = createUnauthenticatedSockets(MAX_UNAUTHENTICATED);
  /** Those that are not about to close. */
  const open = new Set<WebSocket>();
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    // one message in each round of the event loop, however many a client sends at once
    allowSynchronousEvents: false,
    maxFragments: MAX_FRAGMENTS,
    // they are answered in step with what the client reads
    autoPong: false,
    // an option that its types do not know yet
    ...{ closeTimeout: CLOSE_TIMEOUT_MS },
  });

  const server = makeServer({
    jsonMessageReplacer: longStrings.replacer,
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    // false closes the socket with 4403
    onConnect: ({ connectionParams, extra }) => {
      const given = connectionParams?.authorization ?? connectionParams?.Authorization;
      const { address, introduced, close } = extra as Extra;
      const actor = actorOf(typeof given === 'string' ? given : undefined, address);
      if (actor !== null) introduced(actor);
      else if (refuseKey(address)) close(TOO_MANY_KEYS, 'Too many keys that were not good');
      return actor !== null;
    },
    onSubscribe: async (ctx, id, params) => {
      rememberSource(params, (ctx.extra as Extra).message(), ['payload']);
      if (Object.keys(ctx.subscriptions).length > MAX_OPERATIONS_PER_SOCKET) {
        return [
          new GraphQLError(`At most ${MAX_OPERATIONS_PER_SOCKET} operations at once on one connection.`),
        ];
      }
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        params,
        actor: (ctx.extra as Extra).actor(),
        recipient: (ctx.extra as Extra).recipientOf(id),
      });
      try {
        const document = parse(checkedParams(params).query ?? '');
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
    onComplete: ({ extra }, id) => (extra as Extra).sent(id),
    execute: (args) => (args.rootValue as Enveloped).execute({ ...args, rootValue: undefined }),
    subscribe: (args) => (args.rootValue as Enveloped).subscribe({ ...args, rootValue: undefined }),
  } as ServerOptions);

  function serve(client: WebSocket, { socket }: IncomingMessage): void {
    const address = socket.remoteAddress ?? '';
    let actor: Actor | null = null;
    open.add(client);
    // faults of the client's frames, which close the socket by themselves
    client.on('error', () => undefined);
    const stopPinging = pingUntilSilent(client);
    const end = () => client.terminate();
    const stopCounting = limitBytes(socket, MAX_UNAUTHENTICATED_BYTES, end);
    const leaveUnauthenticated = unauthenticated.add(address, end);

    const introduced = (authenticated: Actor) => {
      actor = authenticated;
      stopCounting();
      leaveUnauthenticated();
    };
    const close = (code: number, reason: string) => {
      leaveUnauthenticated();
      open.delete(client);
      client.close(code, withinFrame(reason));
      // nobody waits for the answer of somebody unknown
      if (actor === null) socket.destroySoon();
    };
    const actorOrThrow = () => {
      if (actor === null) throw new Error('An operation came before the key.');
      return actor;
    };
    /** What is to be told that the answer has been sent, by operation. */
    const unsent = new Map<string, () => void>();
    const sent = (operation: string) => {
      unsent.get(operation)?.();
      unsent.delete(operation);
    };
    const recipientOf = (operation: string) => ({
      onceSent: (done: () => void) => void unsent.set(operation, done),
      cut: end,
    });
    /** While it is handled. */
    let current = '';
    const closed = server.opened(
      {
        protocol: client.protocol,
        send: (message) => send(client, socket, longStrings.split(message)),
        close: (code = CloseCode.InternalServerError, reason = '') =>
          // graphql-ws does not tell what is wrong with a message
          close(code, (code === CloseCode.BadRequest && messageFault(current)) || reason),
        onMessage: (handle) =>
          receive(client, socket, (message) => {
            const fault = jsonShapeFault(message, JSON_LIMITS);
            if (fault !== null) return close(CloseCode.BadRequest, fault);
            current = message;
            handle(message).catch((error: unknown) => {
              onInternalError(error);
              close(CloseCode.InternalServerError, 'Internal error');
            });
            current = '';
          }),
      },
      {
        address,
        introduced,
        actor: actorOrThrow,
        close,
        message: () => current,
        recipientOf,
        sent,
      } satisfies Extra,
    );
    client.once('close', (code, reason) => {
      open.delete(client);
      leaveUnauthenticated();
      stopPinging();
      for (const operation of [...unsent.keys()]) sent(operation);
      Promise.resolve(closed(code, String(reason))).catch(onInternalError);
    });
  }

  return {
    makeRoom: () => open.size < MAX_SOCKETS || unauthenticated.endOldest(),

    upgrade(request, socket, head) {
      sockets.handleUpgrade(request, socket, head, (client) => serve(client, request));
    },
    onBadHandshake(listener) {
      sockets.on('wsClientError', (error, socket) => listener(socket, `${error.message}.`));
    },
    count: () => open.size,
    async close() {
      const clients = [...sockets.clients];
      const closed = clients.map((client) => once(client, 'close'));
      for (const client of clients) client.close(1001, 'Going away');
      await Promise.race([Promise.all(closed), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
      for (const client of clients) client.terminate();
    },
  };
}

/** What a frame that closes a socket has room for. */
function withinFrame(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  // what is left of a character that was cut
  return `${bytes.toString('utf8', 0, MAX_REASON_BYTES - 3).replace(/\uFFFD$/, '')}…`;
}
