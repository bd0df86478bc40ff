import {
  createServer,
  IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import type { Socket } from 'node:net';

/**
 * Unanswered requests that one connection may have. Browsers and proxies have one; RFC 9112, 9.3.2 lets a server close the
 * connection of anybody who has too many.
 */
const MAX_PIPELINED = 4;
/** Of each round of the event loop, for requests; whatever else waits is served in between. */
const ROUND_MS = 10;

/**
 * A server that hands requests on in the order in which they came, so many in each round of the event loop as are begun within a
 * few ms. Node reads 64 kB of each connection in one round: more than two thousand short requests, which take it 200 ms before
 * any of our code has seen one.
 */
export function createServerInTurns(options: ServerOptions, handle: RequestListener): Server {
  return createServer({ ...options, IncomingMessage: CountedRequest }, inTurns(handle));
}

const unanswered = new WeakMap<Socket, number>();
const countOf = (socket: Socket) => unanswered.get(socket) ?? 0;

/** After what Node takes for an upgrade it reads no more requests from a connection: so one too many calls itself that. */
class CountedRequest extends IncomingMessage {
  declare isOneTooMany: boolean;
  declare isUpgrade: boolean;

  get upgrade(): boolean {
    return this.isUpgrade;
  }

  /** Node sets it when the head of the request is read, and once before, when the request is made. */
  set upgrade(isUpgrade: boolean) {
    this.isOneTooMany = countOf(this.socket) >= MAX_PIPELINED;
    this.isUpgrade = isUpgrade || this.isOneTooMany;
  }
}

/** Whether so many requests on its connection are unanswered that this one and all behind it are not read. */
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
      // one whose connection has closed meanwhile has no address to be counted by, and nobody to answer
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
