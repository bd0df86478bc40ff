import type { IncomingMessage } from 'node:http';

/** How long to discard the rest of an unwanted body, in milliseconds. */
const DRAIN_MS = 1_000;

/** Whether a request has a body that has not fully arrived. */
export function isBodyUnread({ headers, complete }: IncomingMessage): boolean {
  const isEmpty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  return !isEmpty && !complete;
}

/**
 * For a response that is sent before the body has arrived and closes the connection. Closing a socket while
 * bytes arrive resets it, and the response is lost: so we half-close it, and discard what arrives for a
 * moment.
 */
export function drainBeforeClosing({ socket }: IncomingMessage): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}
