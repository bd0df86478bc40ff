const SPREAD_MS = 8_000;
const MAX_BACKOFF_MS = 10_000;

/**
 * How long to wait before reconnecting, in ms. Consoles that lost their server at the same moment reconnect over eight
 * seconds: 200 of them mean 25 connections per second for a server that has just started.
 * @param tries failed attempts so far, from 0 on
 * @param random 0 to 1
 */
export function reconnectWaitMs(tries: number, random: number): number {
  const backoffMs = tries === 0 ? 0 : Math.min(500 * 2 ** tries, MAX_BACKOFF_MS);
  return backoffMs + random * SPREAD_MS;
}
