import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { createUnauthenticatedSockets } from '../graphql/unauthenticated-sockets.ts';

/**
 * Connections on which no request with the key has come, so that a crowd that only holds them uses up neither memory nor file
 * descriptors: where there are too many, the one that was opened first has to go.
 */
export interface UnauthenticatedConnections {
  /** A request with the key has come: its connection stays for as long as it likes. */
  introduce(request: IncomingMessage): void;
  /** The connection has become a WebSocket, which is counted as one. */
  release(request: IncomingMessage): void;
}

/** From one address; behind a proxy all have one. */
const MAX_PER_ADDRESS = 1_000;
/** From all addresses: file descriptors are left for all else. */
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
    // it has closed already
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
