/**
 * Connections that have not shown yet that they may be here, in the order in which they came. When there is no room for one
 * more, the one that has waited longest has to go: who has the key shows it at once, so a crowd that only waits keeps nobody
 * else out, also not from its own address (behind a proxy all have one).
 */
export interface Strangers {
  /**
   * @param end ends the connection, when its place is given to another
   * @returns the function that takes it off the list; safe to call again
   */
  add(address: string, end: () => void): () => void;
  /** Gives the place of the longest waiting to another. @returns whether there was one */
  endOldest(): boolean;
}

interface Stranger {
  readonly address: string;
  readonly end: () => void;
}

export function createStrangers(maxPerAddress: number): Strangers {
  const all = new Set<Stranger>();
  const byAddress = new Map<string, Set<Stranger>>();

  function remove(stranger: Stranger): void {
    all.delete(stranger);
    const neighbours = byAddress.get(stranger.address);
    neighbours?.delete(stranger);
    if (neighbours?.size === 0) byAddress.delete(stranger.address);
  }

  function endFirst(strangers: Iterable<Stranger>): boolean {
    for (const oldest of strangers) {
      remove(oldest);
      oldest.end();
      return true;
    }
    return false;
  }

  return {
    add(address, end) {
      const stranger = { address, end };
      const neighbours = byAddress.get(address) ?? new Set();
      if (neighbours.size >= maxPerAddress) endFirst(neighbours);
      neighbours.add(stranger);
      byAddress.set(address, neighbours);
      all.add(stranger);
      return () => remove(stranger);
    },
    endOldest: () => endFirst(all),
  };
}
