import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** Ends a wait in vain while the test can still say for what; it is no measure of how fast something is. */
  readonly withinMs?: number;
  /** How often it is asked for at first; later after each tenth of the time that has passed. */
  readonly everyMs?: number;
  /** No less often than this: to ask costs processor time, most of it the server's. */
  readonly slowestMs?: number;
}

/**
 * Resolves as soon as the condition holds (any value but false, null or undefined), with that value.
 * @throws when it does not within the time
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { withinMs = 20_000, everyMs = 10, slowestMs = 100 }: WaitOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const begun = performance.now();
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<T, false | null | undefined>;
    }
    const passed = performance.now() - begun;
    if (passed > withinMs) {
      throw new Error(`It did not become true within ${withinMs} ms: ${condition}`);
    }
    await delay(Math.max(everyMs, Math.min(passed / 10, slowestMs)));
  }
}
