import {
  createServer,
  IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import type { Socket } from 'node:net';

/**
 * Maximum unanswered requests per connection. Browsers and proxies send one; RFC 9112, 9.3.2 lets a server
 * close a connection that pipelines more. Responses to the earlier ones are lost with it.
 */
const MAX_PIPELINED = 4;
/** Time budget for requests per turn of the event loop; other work runs in between. */
const ROUND_MS = 10;

/**
 * A server that handles requests in order of arrival, for a few ms per turn of the event loop. Node parses up
 * to 64 kB of a connection in one turn: more than two thousand short requests, 200 ms before any of our code
 * runs.
 */
export function createServerInTurns(options: ServerOptions, handle: RequestListener): Server {
  return createServer({ ...options, IncomingMessage: CountedRequest }, inTurns(handle));
}

const unanswered = new WeakMap<Socket, number>();
const countOf = (socket: Socket) => unanswered.get(socket) ?? 0;

/** Node stops parsing a connection after an upgrade, so a request beyond the limit poses as one. */
class CountedRequest extends IncomingMessage {
  declare isOneTooMany: boolean;
  declare isUpgrade: boolean;

  get upgrade(): boolean {
    return this.isUpgrade;
  }

  /** Node sets it when it has parsed the request's head, and once before, on construction. */
  set upgrade(isUpgrade: boolean) {
    this.isOneTooMany = countOf(this.socket) >= MAX_PIPELINED;
    this.isUpgrade = isUpgrade || this.isOneTooMany;
  }
}

/** Whether the request exceeds the limit of its connection; it and all later ones are not handled. */
export function isOneTooMany(request: IncomingMessage): boolean {
  return request instanceof CountedRequest && request.isOneTooMany;
}

function inTurns(handle: RequestListener): RequestListener {
  const waiting: Parameters<RequestListener>[] = [];
  let isRoundOpen = false;
  let roundEnds = 0;

  function beginRound(): void {
    isRoundOpen = true;
    roundEnds = performance.now() + ROUND_MS;
    setImmediate(() => {
      isRoundOpen = false;
      if (waiting.length > 0) workOn();
    });
  }

  function workOn(): void {
    if (!isRoundOpen) beginRound();
    while (performance.now() < roundEnds) {
      const next = waiting.shift();
      if (!next) return;
      // on a closed connection, a request has no address to be counted by, and nobody to respond to
      if (next[0].socket.remoteAddress !== undefined) handle(...next);
    }
  }

  return (request, response) => {
    const { socket } = request;
    unanswered.set(socket, countOf(socket) + 1);
    response.once('close', () => unanswered.set(socket, countOf(socket) - 1));
    waiting.push([request, response]);
    workOn();
  };
}
