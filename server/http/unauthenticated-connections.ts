import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { createUnauthenticatedSockets } from '../graphql/unauthenticated-sockets.ts';

/**
 * Limits connections that have not carried a request with the key, so that idle ones cannot exhaust memory or file
 * descriptors: beyond the limit, the oldest is closed.
 */
export interface UnauthenticatedConnections {
  /** Lifts the limit from a connection that carried a request with the key. */
  introduce(request: IncomingMessage): void;
  /** Stops counting a connection that became a WebSocket, which has limits of its own. */
  release(request: IncomingMessage): void;
}

/** Per address; all clients behind a proxy share one. */
const MAX_PER_ADDRESS = 1_000;
/** Across all addresses, to leave file descriptors for everything else. */
const MAX_TOTAL = 4_000;

export function limitUnauthenticated(server: Server): UnauthenticatedConnections {
  const waiting = createUnauthenticatedSockets(MAX_PER_ADDRESS);
  const removals = new Map<Socket, () => void>();

  function remove(socket: Socket): void {
    removals.get(socket)?.();
    removals.delete(socket);
  }

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    // it is already closed
    if (address === undefined) return;
    if (removals.size >= MAX_TOTAL) waiting.endOldest();
    removals.set(
      socket,
      waiting.add(address, () => {
        removals.delete(socket);
        socket.destroy();
      }),
    );
    socket.once('close', () => remove(socket));
  });

  return {
    introduce: ({ socket }) => remove(socket),
    release: ({ socket }) => remove(socket),
  };
}
