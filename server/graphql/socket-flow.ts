import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { nextTurn } from './turns.ts';

/** High-water mark for unsent bytes; above it we also stop reading from the client. */
const MAX_UNREAD_BYTES = 1_048_576;
const PING_EVERY_MS = 12_000;
/** Lenient, since a slow reader gets to a ping late. */
const MAX_UNANSWERED_PINGS = 5;

/**
 * Delivers a client's messages one at a time, each in its own turn. Applies back-pressure: stops reading from
 * the client while it does not read its responses, or has unhandled messages.
 */
export function receive(client: WebSocket, socket: Socket, handle: (message: string) => void): void {
  const inbox: string[] = [];

  const steer = () => {
    if (client.readyState !== client.OPEN) {
      // a paused socket would never see the client's close frame
      if (client.isPaused) client.resume();
      return;
    }
    const isBehind = inbox.length > 0 || client.bufferedAmount > MAX_UNREAD_BYTES;
    if (isBehind && !client.isPaused) client.pause();
    else if (!isBehind && client.isPaused) client.resume();
  };

  async function handOn(): Promise<void> {
    while (inbox.length > 0) {
      await nextTurn();
      const message = inbox.shift();
      if (message === undefined || client.readyState !== client.OPEN) break;
      handle(message);
    }
    inbox.length = 0;
    steer();
  }

  client.on('message', (data) => {
    if (client.readyState !== client.OPEN) return;
    inbox.push(String(data));
    if (inbox.length === 1) void handOn();
    steer();
  });
  client.on('ping', (data) => {
    if (client.readyState === client.OPEN) client.pong(data);
    steer();
  });
  socket.on('drain', steer);
}

/**
 * Resolves when the message has been written out or the client is gone, so that no further message is
 * produced for a slow client.
 */
export function send(client: WebSocket, socket: Socket, parts: readonly (string | Buffer)[]): Promise<void> {
  if (client.readyState !== client.OPEN) return Promise.resolve();
  return new Promise((resolve) => {
    const last = parts.length - 1;
    socket.cork();
    // each part is a fragment, so that a buffer sent to many clients is not copied
    for (const [i, part] of parts.entries())
      client.send(part, { binary: false, fin: i === last }, i === last ? () => resolve() : undefined);
    socket.uncork();
  });
}

/** Calls back when more than `maxBytes` have arrived. @returns the function that stops counting */
export function limitBytes(socket: Socket, maxBytes: number, onExceeded: () => void): () => void {
  let bytes = 0;
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) onExceeded();
  };
  // count before anything parses them
  socket.prependListener('data', count);
  return () => socket.off('data', count);
}

/** Terminates a socket whose peer stops answering pings. @returns the function that stops pinging */
export function pingUntilSilent(client: WebSocket): () => void {
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
