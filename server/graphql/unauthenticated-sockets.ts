/**
 * Connections that have not shown yet that they may be here, in the order in which they came. When there is no room for one
 * more, the one that has waited longest has to go: who has the key shows it at once, so a crowd that only waits keeps nobody
 * else out, also not from its own address (behind a proxy all have one).
 */
export interface UnauthenticatedSockets {
  /**
   * @param end ends the connection, when its place is given to another
   * @returns the function that takes it off the list; safe to call again
   */
  add(address: string, end: () => void): () => void;
  /** Gives the place of the longest waiting to another. @returns whether there was one */
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
