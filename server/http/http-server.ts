import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { Actor } from '../domain/actor.ts';
import { checkedParams, paramsOfUrl, type UrlQuery } from '../graphql/request-params.ts';
import type { GraphqlWebSocket } from '../graphql/websocket.ts';
import { JSON_LIMITS, type Yoga } from '../graphql/yoga.ts';
import { CONSOLE_ROUTE, registerConsole } from './console-files.ts';
import type { Door, RequestHead } from './door.ts';
import { readJson } from './json-body.ts';
import { MAX_REFUSED_KEYS, REFUSED_KEYS_WINDOW_MS, type RefusedKeys, storeOf } from './refused-keys.ts';
import { actorOf, prepareActor, setActor } from './request-actor.ts';
import { createServerInTurns, isOneTooMany } from './requests-in-turns.ts';
import { limitUnauthenticated } from './unauthenticated-connections.ts';
import { drainBeforeClosing, isBodyUnread } from './unread-body.ts';

/** The one listening socket: GraphQL over HTTP, SSE and WebSocket, the plain routes, and the console. */
export interface HttpServer {
  /** @returns the address as a URL, e.g. "http://127.0.0.1:4000" */
  listen(host: string, port: number): Promise<string>;
  /** Closes all connections, including streaming ones. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly door: Door;
  readonly yoga: Yoga;
  readonly webSocket: GraphqlWebSocket;
  readonly refusedKeys: RefusedKeys;
  /** Plain API routes: behind the door, key required. */
  readonly registerRoutes: (app: FastifyInstance) => void;
  /** Probe routes: behind the door, no key required. */
  readonly registerProbes: (app: FastifyInstance) => void;
  /** Folder of the built console; null: none is served. */
  readonly consoleDir: string | null;
  readonly logger: FastifyBaseLogger;
}

/**
 * Fits a playbook of 1 MiB as JSON, escaped as badly as ordinary text can be, plus the rest of the request.
 */
const MAX_BODY_BYTES = 2.25 * 1_048_576;
/** How long a request may take to arrive in full; streaming responses have no limit. */
const REQUEST_TIMEOUT_MS = 60_000;
/** How long the headers may take to arrive. */
const HEADERS_TIMEOUT_MS = 10_000;
/**
 * How long an idle connection is kept; longer than usual proxies do, so that they are the ones to close it.
 */
const KEEP_ALIVE_MS = 72_000;
const NODE_OPTIONS = {
  // the door responds to requests without it
  requireHostHeader: false,
  requestTimeout: REQUEST_TIMEOUT_MS,
  headersTimeout: HEADERS_TIMEOUT_MS,
  connectionsCheckingInterval: HEADERS_TIMEOUT_MS / 5,
  keepAliveTimeout: KEEP_ALIVE_MS,
};
const GRAPHQL_PATH = '/graphql';
/** Responses to requests that Node cannot parse, by error code. */
const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { door, yoga, webSocket } = options;
  const app = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    serverFactory: (handle) => createServerInTurns(NODE_OPTIONS, handle),
    routerOptions: { maxParamLength: 500 },
    forceCloseConnections: true,
    // take the client's address from the socket: headers can be forged
    trustProxy: false,
    frameworkErrors: (_error, _request, reply) => {
      reply.header('cache-control', 'no-store');
      sendError(reply, 400, 'BAD_REQUEST', 'The path of the request cannot be read.');
    },
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
      else answerRaw(socket, CLIENT_ERRORS[error.code] ?? '400 Bad Request', 'The request cannot be read.');
    },
  });
  // any web page can send a form or plain text without a CORS preflight; JSON it cannot
  app.removeContentTypeParser(['text/plain']);
  readJson(app);
  prepareActor(app);

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        // CodeMirror injects inline styles
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // with TLS, HSTS is up to the proxy
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: 'no-referrer' },
  });

  // before the body: a refused client must not make us read one
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const isForConsole = request.routeOptions.url === CONSOLE_ROUTE;
    const refusal = door.refusal(headOf(request.raw, isForConsole));
    if (refusal !== null) {
      const code = refusal.status === 403 ? 'FORBIDDEN' : 'BAD_REQUEST';
      return sendError(reply, refusal.status, code, refusal.message);
    }
    if (request.is404) return sendNotFound(request, reply);
  });
  const connections = limitUnauthenticated(app.server);
  app.addHook('onSend', async (request, reply) => {
    if (!isBodyUnread(request.raw)) return;
    reply.header('connection', 'close');
    drainBeforeClosing(request.raw);
  });

  await app.register(async (scope) => {
    await scope.register(rateLimit, {
      max: MAX_REFUSED_KEYS,
      timeWindow: REFUSED_KEYS_WINDOW_MS,
      allowList: (request) => whoAsks(request) !== null,
      store: storeOf(options.refusedKeys),
    });
    // after the rate limit, and before the body
    scope.addHook('preParsing', async (request, reply) => {
      const actor = whoAsks(request);
      if (actor !== null) {
        setActor(request, actor);
        return connections.introduce(request.raw);
      }
      const message = 'This needs the header "Authorization: Bearer KEY", with the key of this server.';
      reply.header('www-authenticate', 'Bearer');
      sendError(reply, 401, 'UNAUTHORIZED', message);
      return reply;
    });
    scope.route({
      url: GRAPHQL_PATH,
      method: ['GET', 'POST'],
      exposeHeadRoute: false,
      async handler(request, reply) {
        const readParams = () =>
          request.method === 'GET'
            ? paramsOfUrl(request.query as UrlQuery, JSON_LIMITS)
            : checkedParams(request.body);
        const response = await yoga.handleNodeRequestAndResponse(request, reply, {
          actor: actorOf(request),
          readParams,
          res: reply.raw,
        });
        response.headers.set('cache-control', 'no-store');
        return response;
      },
    });
    scope.route({
      url: GRAPHQL_PATH,
      method: ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
      handler: (request, reply) => {
        reply.header('allow', 'GET, POST');
        return sendError(reply, 405, 'METHOD_NOT_ALLOWED', `There is no ${request.method} ${GRAPHQL_PATH}.`);
      },
    });
    options.registerRoutes(scope);
  });
  options.registerProbes(app);

  if (options.consoleDir !== null) registerConsole(app, options.consoleDir, sendNotFound);
  app.setNotFoundHandler(sendNotFound);

  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // spare the client from sending a body that would be refused
    const mayCome =
      door.refusal(headOf(request)) === null &&
      door.actorOf(request.headers.authorization, request.socket.remoteAddress ?? '') !== null;
    if (mayCome) response.writeContinue();
    app.server.emit('request', request, response);
  });

  app.server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(417, { 'cache-control': 'no-store', connection: 'close' }).end();
  });

  webSocket.onBadHandshake((socket, message) => answerRaw(socket, '400 Bad Request', message));
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (isOneTooMany(request)) {
      socket.destroy();
      return;
    }
    const refusal = door.refusal(headOf(request));
    if (request.url?.split('?', 1)[0] !== GRAPHQL_PATH)
      answerRaw(socket, '404 Not Found', 'There is no WebSocket here.');
    else if (refusal?.status === 400) answerRaw(socket, '400 Bad Request', refusal.message);
    else if (refusal !== null) answerRaw(socket, '403 Forbidden', refusal.message);
    else if (!webSocket.makeRoom())
      answerRaw(socket, '503 Service Unavailable', 'There are too many connections.');
    else {
      connections.release(request);
      webSocket.upgrade(request, socket, head);
    }
  });

  function whoAsks(request: FastifyRequest): Actor | null {
    return door.actorOf(request.headers.authorization, request.ip);
  }

  return {
    listen: (host, port) => app.listen({ host, port }),
    async close() {
      await webSocket.close();
      await app.close();
    },
  };
}

function sendNotFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendError(reply, 404, 'NOT_FOUND', `There is no ${request.method} ${request.url.slice(0, 200)}.`);
}

function sendError(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ error: { code, message } });
}

/** Responds on a connection that has no request object. */
function answerRaw(socket: Duplex, status: string, message: string): void {
  // nobody reads this socket any more, so its peer could keep it open
  socket.once('finish', () => socket.destroy());
  const length = Buffer.byteLength(message);
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Length: ${length}\r\n\r\n${message}`,
  );
}

function headOf({ url, headers, rawHeaders }: IncomingMessage, isForConsole = false): RequestHead {
  return { url, headers, rawHeaders, isForConsole };
}
