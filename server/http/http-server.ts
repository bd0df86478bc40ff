import type { IncomingMessage } from 'node:http';
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
import type { GraphqlWebSocket } from '../graphql/websocket.ts';
import type { Yoga } from '../graphql/yoga.ts';
import { registerConsole } from './console-files.ts';
import type { Door } from './door.ts';

/** The one listening socket: GraphQL over HTTP, SSE and WebSocket, the plain routes, and the console. */
export interface HttpServer {
  /** @returns the address as a URL, e.g. "http://127.0.0.1:4000" */
  listen(host: string, port: number): Promise<string>;
  /** Ends all connections, also those that stream. */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  readonly door: Door;
  readonly yoga: Yoga;
  readonly webSocket: GraphqlWebSocket;
  /** Plain routes of the API: behind the door, and for those with the key. */
  readonly registerRoutes: (app: FastifyInstance) => void;
  /** Routes for probes: behind the door, without the key. */
  readonly registerProbes: (app: FastifyInstance) => void;
  /** Folder of the built console; null: none is served. */
  readonly consoleDir: string | null;
  readonly logger: FastifyBaseLogger;
}

/** A playbook of 1 MiB as JSON, in the worst case of ordinary text, and its request around it. */
const MAX_BODY_BYTES = 3 * 1_048_576;
/** Requests a minute from one address that come without the key, where one is needed. */
const MAX_STRANGERS_REQUESTS = 60;
/** For a request to arrive whole; answers that stream may take as long as they like. */
const REQUEST_TIMEOUT_MS = 60_000;
const GRAPHQL_PATH = '/graphql';

export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { door, yoga, webSocket } = options;
  const app = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: 500 },
    forceCloseConnections: true,
    // who is asking is read off the socket: a header can be written by anybody
    trustProxy: false,
  });
  // a form or plain text can be sent by any web page without asking first; JSON cannot
  app.removeContentTypeParser(['text/plain']);

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        // CodeMirror writes its styles into the page
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
    // behind TLS it is the proxy that can promise TLS
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: 'no-referrer' },
  });

  app.addHook('onRequest', async (request, reply) => {
    const refusal = door.refusal(headOf(request.raw));
    if (refusal !== null) return reply.code(403).send({ error: { code: 'FORBIDDEN', message: refusal } });
  });

  await app.register(async (scope) => {
    await scope.register(rateLimit, {
      max: MAX_STRANGERS_REQUESTS,
      timeWindow: '1 minute',
      allowList: (request) => isAuthorized(request),
    });
    scope.addHook('preHandler', async (request, reply) => {
      if (isAuthorized(request)) return;
      const message = 'This needs the header "Authorization: Bearer <SIBLE_ADMIN_TOKEN>".';
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer')
        .send({ error: { code: 'UNAUTHORIZED', message } });
    });
    scope.route({
      url: GRAPHQL_PATH,
      method: ['GET', 'POST'],
      handler: (request, reply) => yoga.handleNodeRequestAndResponse(request, reply, {}),
    });
    options.registerRoutes(scope);
  });
  options.registerProbes(app);

  if (options.consoleDir !== null) registerConsole(app, options.consoleDir, sendNotFound);
  app.setNotFoundHandler(sendNotFound);

  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const refusal = door.refusal(headOf(request));
    if (request.url?.split('?', 1)[0] !== GRAPHQL_PATH)
      refuseUpgrade(socket, '404 Not Found', 'There is no WebSocket here.');
    else if (refusal !== null) refuseUpgrade(socket, '403 Forbidden', refusal);
    else if (!webSocket.hasRoom(request.socket.remoteAddress))
      refuseUpgrade(socket, '503 Service Unavailable', 'There are too many connections.');
    else webSocket.upgrade(request, socket, head);
  });

  function isAuthorized(request: FastifyRequest): boolean {
    return door.isAuthorized(request.headers.authorization);
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
  return reply.code(404).send({
    error: { code: 'NOT_FOUND', message: `There is no ${request.method} ${request.url.slice(0, 200)}.` },
  });
}

function refuseUpgrade(socket: Duplex, status: string, message: string): void {
  // nobody reads this socket any more: its other end would keep it open
  socket.once('finish', () => socket.destroy());
  const length = Buffer.byteLength(message);
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${message}`);
}

function headOf(request: IncomingMessage) {
  const fetchSite = request.headers['sec-fetch-site'];
  return {
    method: request.method ?? 'GET',
    host: request.headers.host,
    origin: request.headers.origin,
    fetchSite: typeof fetchSite === 'string' ? fetchSite : undefined,
  };
}
