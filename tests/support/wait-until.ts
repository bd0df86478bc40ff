import { setTimeout as delay } from 'node:timers/promises';

/**
 * Resolves as soon as the condition holds (any value but false, null or undefined), with that value.
 * @param withinMs ends a wait in vain while the test can still say for what; it is no measure of how fast something is
 * @throws when it does not within the time
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { withinMs = 20_000, everyMs = 10 }: { withinMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) {
      return value as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > deadline) {
      throw new Error(`It did not become true within ${withinMs} ms: ${condition}`);
    }
    await delay(everyMs);
  }
}
