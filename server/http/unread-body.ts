import type { IncomingMessage } from 'node:http';

/** For the rest of a body that nobody wants, in milliseconds. */
const DRAIN_MS = 1_000;

/** Whether a request has a body that has not come whole. */
export function isBodyUnread({ headers, complete }: IncomingMessage): boolean {
  const isEmpty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  return !isEmpty && !complete;
}

/**
 * For an answer that is given before the body has come, and closes the connection. A socket that is closed while bytes arrive
 * is reset, and the answer is lost on the way: so our half is ended, and what still comes is thrown away for a moment.
 */
export function drainBeforeClosing({ socket }: IncomingMessage): void {
  socket.destroySoon = () => {
    socket.end();
    const timer = setTimeout(() => socket.destroy(), DRAIN_MS);
    socket.once('close', () => clearTimeout(timer));
  };
}
