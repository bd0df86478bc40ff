/**
 * Connections that have not authenticated yet, oldest first. When there is no room for another, the oldest is
 * evicted: a client with the key authenticates at once, so a crowd of idle connections locks nobody out, not
 * even others with the same address (behind a proxy all share one).
 */
export interface UnauthenticatedSockets {
  /**
   * @param end closes the connection when it is evicted
   * @returns the function that removes it from the list; safe to call again
   */
  add(address: string, end: () => void): () => void;
  /** Evicts the oldest connection. @returns whether there was one */
  endOldest(): boolean;
}

interface UnauthenticatedSocket {
  readonly address: string;
  readonly end: () => void;
}

export function createUnauthenticatedSockets(maxPerAddress: number): UnauthenticatedSockets {
  const all = new Set<UnauthenticatedSocket>();
  const byAddress = new Map<string, Set<UnauthenticatedSocket>>();

  function remove(socket: UnauthenticatedSocket): void {
    all.delete(socket);
    const neighbours = byAddress.get(socket.address);
    neighbours?.delete(socket);
    if (neighbours?.size === 0) byAddress.delete(socket.address);
  }

  function endFirst(sockets: Iterable<UnauthenticatedSocket>): boolean {
    for (const oldest of sockets) {
      remove(oldest);
      oldest.end();
      return true;
    }
    return false;
  }

  return {
    add(address, end) {
      const socket = { address, end };
      const neighbours = byAddress.get(address) ?? new Set();
      if (neighbours.size >= maxPerAddress) endFirst(neighbours);
      neighbours.add(socket);
      byAddress.set(address, neighbours);
      all.add(socket);
      return () => remove(socket);
    },
    endOldest: () => endFirst(all),
  };
}
