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
  /** Whether there is room for one more socket; if needed, evicts an unauthenticated one. */
  makeRoom(): boolean;
  /** Takes over an upgrade request that has been admitted. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /**
   * Called for an upgrade request that is not a WebSocket handshake; the listener responds and closes the
   * connection.
   */
  onBadHandshake(listener: (socket: Duplex, message: string) => void): void;
  /** Number of open sockets. */
  count(): number;
  /** Closes all sockets, with a code that tells clients to reconnect. */
  close(): Promise<void>;
}

export interface GraphqlWebSocketOptions {
  readonly yoga: Yoga;
  /** The actor for the `authorization` given in `connection_init`; null when it is invalid. */
  actorOf(authorization: string | undefined, address: string): Actor | null;
  /** Counts an invalid key. @returns whether this address has sent too many of them */
  refuseKey(address: string): boolean;
  /** Called for failures that are hidden from the client. */
  onInternalError(error: unknown): void;
}

/** Clients send documents and ids; anything longer is an attack. */
const MAX_MESSAGE_BYTES = 65_536;
const MAX_OPERATIONS_PER_SOCKET = 20;
/** Each socket costs memory; no team with consoles needs more. */
const MAX_SOCKETS = 5_000;
/** Unauthenticated sockets per address. */
const MAX_UNAUTHENTICATED = 1_000;
/** Fragments per message; browsers send messages of the maximum length in a single frame. */
const MAX_FRAGMENTS = 256;
/** Bytes that a client may send before it has authenticated; the handshake needs no more. */
const MAX_UNAUTHENTICATED_BYTES = 16_384;
const INIT_TIMEOUT_MS = 3_000;
/** How long to wait for the peer's close frame. */
const CLOSE_TIMEOUT_MS = 500;
const MAX_REASON_BYTES = 123;
/** Modelled on HTTP 429 (too many requests). */
const TOO_MANY_KEYS = 4429;

interface Extra {
  readonly address: string;
  /** Called once the client has authenticated. */
  introduced(actor: Actor): void;
  /** The client's actor. Throws before it has authenticated. */
  actor(): Actor;
  close(code: number, reason: string): void;
  /** Text of the message being handled in this turn. */
  message(): string;
  /** The recipient of an operation's response. */
  recipientOf(operation: string): Recipient;
  /** Called when the last part of the response has been sent. */
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
  /** Sockets that are not closing. */
  const open = new Set<WebSocket>();
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    // one message per round of the event loop, however many a client sends at once
    allowSynchronousEvents: false,
    maxFragments: MAX_FRAGMENTS,
    // pongs are sent manually, subject to back-pressure
    autoPong: false,
    // missing from the type definitions
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
        // a document that cannot be parsed or exceeds a limit
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
    // protocol errors by the client, which close the socket by themselves
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
      // do not wait for an unauthenticated client's close frame
      if (actor === null) socket.destroySoon();
    };
    const actorOrThrow = () => {
      if (actor === null) throw new Error('An operation came before the key.');
      return actor;
    };
    /** Callbacks for sent responses, by operation. */
    const unsent = new Map<string, () => void>();
    const sent = (operation: string) => {
      unsent.get(operation)?.();
      unsent.delete(operation);
    };
    const recipientOf = (operation: string) => ({
      onceSent: (done: () => void) => void unsent.set(operation, done),
      cut: end,
    });
    /** The message being handled. */
    let current = '';
    const closed = server.opened(
      {
        protocol: client.protocol,
        send: (message) => send(client, socket, longStrings.split(message)),
        close: (code = CloseCode.InternalServerError, reason = '') =>
          // graphql-ws does not say what is wrong with a message
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

/** Truncates a reason to what fits into a close frame. */
function withinFrame(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= MAX_REASON_BYTES) return reason;
  // drops the remainder of a character that was cut in half
  return `${bytes.toString('utf8', 0, MAX_REASON_BYTES - 3).replace(/\uFFFD$/, '')}…`;
}
