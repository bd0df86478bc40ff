import type { MongoClient } from 'mongodb';

export interface SilentDriverOptions {
  /** Longer than the driver takes from one look at its server to the next, in ms. */
  readonly silentMs: number;
  /** How often it is looked, in ms. */
  readonly everyMs: number;
}

/**
 * Opens the client anew when its driver has stopped looking for its server. The driver (mongodb 7.9) tells of each look, and
 * looks every ten seconds, or twice a second while it misses it. Killed and started again in a loop, once in some dozens of
 * times it never looked again, and all calls failed with the last error for as long as the process lived.
 * Calls under way fail; the handles of the client stay good.
 * @returns the function that ends it
 */
export function reopenWhenSilent(client: MongoClient, options: SilentDriverOptions): () => void {
  let heard = performance.now();
  let looked = performance.now();
  let isReopening = false;
  const hear = () => {
    heard = performance.now();
  };
  client.on('serverHeartbeatSucceeded', hear).on('serverHeartbeatFailed', hear);

  async function look(): Promise<void> {
    const now = performance.now();
    // this process was paused: the driver had no chance either
    if (now - looked > 2 * options.everyMs) hear();
    looked = now;
    if (isReopening || now - heard < options.silentMs) return;
    isReopening = true;
    try {
      await client.close();
      await client.connect();
      hear();
    } catch {
      // the server is away, and a client that could not be opened does not look for it: the next look here does
      heard = Number.NEGATIVE_INFINITY;
    } finally {
      isReopening = false;
    }
  }

  const timer = setInterval(() => void look(), options.everyMs).unref();
  return () => clearInterval(timer);
}
