import { isIPv6 } from 'node:net';
import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import { putBounded } from '../domain/bounded-map.ts';

/**
 * Counts requests without the key or with a wrong one, per address, over HTTP and WebSocket alike. The right
 * key is always accepted: clients behind a proxy share one address, and one of them must not lock out the
 * others. The length of the key is what makes guessing hopeless; the limit saves work and log lines.
 */
export interface RefusedKeys {
  /** Counts one more refusal. */
  count(address: string): RefusedCount;
}

export interface RefusedCount {
  /** Refusals within the current minute, including this one. */
  readonly current: number;
  /** Time until the count restarts, in milliseconds. */
  readonly ttl: number;
  readonly isOverLimit: boolean;
}

/** Per minute and address. */
export const MAX_REFUSED_KEYS = 60;
export const REFUSED_KEYS_WINDOW_MS = 60_000;
const MAX_ADDRESSES = 10_000;

/**
 * @param onRefused called at most once a minute per address, with the number of refusals since the last call
 */
export function createRefusedKeys(
  now: () => number,
  onRefused: (address: string, count: number) => void,
): RefusedKeys {
  const windows = new Map<string, { readonly endsAt: number; count: number }>();

  return {
    count(address) {
      const key = networkOf(address);
      let window = windows.get(key);
      if (!window || window.endsAt <= now()) {
        onRefused(address, window?.count ?? 1);
        window = { endsAt: now() + REFUSED_KEYS_WINDOW_MS, count: 0 };
        windows.delete(key);
        putBounded(windows, key, window, MAX_ADDRESSES);
      }
      window.count += 1;
      const { count, endsAt } = window;
      return { current: count, ttl: endsAt - now(), isOverLimit: count > MAX_REFUSED_KEYS };
    },
  };
}

/** A client with one IPv6 address usually controls its whole /64. */
function networkOf(address: string): string {
  const mapped = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  if (!isIPv6(mapped)) return mapped;
  const [head = '', tail = ''] = (mapped.split('%', 1)[0] ?? '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  if (mapped.includes('::')) while (groups.length + last.length < 8) groups.push('0');
  return `${[...groups, ...last].slice(0, 4).join(':')}::/64`;
}

/** Exposes the counts as a store for the HTTP rate limit. */
export function storeOf(refusedKeys: RefusedKeys): FastifyRateLimitStoreCtor {
  return class {
    incr(address: string, done: (error: Error | null, result?: { current: number; ttl: number }) => void) {
      done(null, refusedKeys.count(address));
    }
    child() {
      return this;
    }
  };
}
