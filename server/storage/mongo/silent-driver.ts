import type { MongoClient } from 'mongodb';

export interface SilentDriverOptions {
  /** Longer than the driver's interval between checks of its server, in ms. */
  readonly silentMs: number;
  /** Interval between checks of the driver, in ms. */
  readonly everyMs: number;
}

/**
 * Reopens the client when its driver has stopped checking for its server. The driver (mongodb 7.9) reports each
 * check, every ten seconds, or twice a second while the server is missing. With a server killed and restarted
 * in a loop, once in some dozens of times it never checked again, and all calls failed with the last error for
 * as long as the process lived. Calls under way fail; the client's handles stay valid.
 * @returns the function that stops it
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
    // this process was paused, so the driver had no chance either
    if (now - looked > 2 * options.everyMs) hear();
    looked = now;
    if (isReopening || now - heard < options.silentMs) return;
    isReopening = true;
    try {
      await client.close();
      await client.connect();
      hear();
    } catch {
      // the server is unreachable, and a client that is not open does not check for it: the next check here does
      heard = Number.NEGATIVE_INFINITY;
    } finally {
      isReopening = false;
    }
  }

  const timer = setInterval(() => void look(), options.everyMs).unref();
  return () => clearInterval(timer);
}
