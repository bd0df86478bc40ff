const SPREAD_MS = 8_000;
const MAX_BACKOFF_MS = 10_000;

/**
 * How long to wait before the live connection is opened again, in ms. Consoles that lost their server at the same moment
 * come back over eight seconds: 200 of them are 25 connections a second for a server that has just started.
 * @param tries how often it was tried in vain, 0 or more
 * @param random 0 to 1
 */
export function reconnectWaitMs(tries: number, random: number): number {
  const backoffMs = tries === 0 ? 0 : Math.min(500 * 2 ** tries, MAX_BACKOFF_MS);
  return backoffMs + random * SPREAD_MS;
}
