/**
 * Makes a click take effect once, even if it is repeated because the response was lost.
 * @param request identifies the action; the same request within ten minutes of a failure gets the same key
 * @param ask sends the request with the given idempotency key
 */
export type Once = <T>(request: unknown, ask: (idempotencyKey: string) => Promise<T>) => Promise<T>;

/** After this time a click counts as a new request. */
const REMEMBERED_MS = 600_000;

export function createOnce(now: () => number = Date.now): Once {
  let lost: { readonly request: string; readonly key: string; readonly at: number } | null = null;
  return async (request, ask) => {
    const text = JSON.stringify(request);
    if (lost?.request !== text || now() - lost.at > REMEMBERED_MS)
      lost = { request: text, key: randomKey(), at: now() };
    const result = await ask(lost.key);
    lost = null;
    return result;
  };
}

/** `crypto.randomUUID` is only available over HTTPS. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
