import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { nextTurn } from './turns.ts';

/** What may wait for a client to read it; above this nothing more is read from the client either. */
const MAX_UNREAD_BYTES = 1_048_576;
const PING_EVERY_MS = 12_000;
/** A client that reads slowly gets to a ping late. */
const MAX_UNANSWERED_PINGS = 5;

/**
 * Hands on the messages of a client one by one, each in a turn of its own. What a client sends makes answers: while it does
 * not read them, or many of its messages wait, nothing more is read from it.
 */
export function receive(client: WebSocket, socket: Socket, handle: (message: string) => void): void {
  const inbox: string[] = [];

  const steer = () => {
    if (client.readyState !== client.OPEN) {
      // else it would not be read that the client has closed, too
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

/** Resolves when the message has left, or its client: until then nothing more is made for it, however slow it is. */
export function send(client: WebSocket, socket: Socket, parts: readonly (string | Buffer)[]): Promise<void> {
  if (client.readyState !== client.OPEN) return Promise.resolve();
  return new Promise((resolve) => {
    const last = parts.length - 1;
    socket.cork();
    // a part is a fragment, so that a buffer that is sent to many is not copied
    for (const [i, part] of parts.entries())
      client.send(part, { binary: false, fin: i === last }, i === last ? () => resolve() : undefined);
    socket.uncork();
  });
}

/** Calls back once more than so many bytes have come. @returns the function that stops counting */
export function limitBytes(socket: Socket, maxBytes: number, onExceeded: () => void): () => void {
  let bytes = 0;
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) onExceeded();
  };
  // before they are looked at
  socket.prependListener('data', count);
  return () => socket.off('data', count);
}

/** Ends a socket whose other end does not answer. @returns the function that stops it */
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
