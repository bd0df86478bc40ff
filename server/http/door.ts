import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Actor } from '../domain/actor.ts';

/** Access control. The same rules apply to every HTTP request and to WebSocket upgrades. */
export interface Door {
  /**
   * Refuses ambiguous requests, and those that someone else's web page makes a browser send: a host name that
   * resolves to us but is not ours (DNS rebinding), and requests from a page that we did not serve. Programs
   * send no `Origin` and pass.
   * @returns why it is refused; null when it may pass
   */
  refusal(request: RequestHead): Refusal | null;
  /**
   * Identifies the client.
   * @param authorization the value of an `Authorization` header, or of the connection parameter
   * @param address the socket's remote address
   * @returns null when the key is missing or wrong; a guest when the server has no key
   */
  actorOf(authorization: string | undefined, address: string): Actor | null;
}

/** A request without its body; an `IncomingMessage` is one. */
export interface RequestHead {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Names and values as received, alternating. */
  readonly rawHeaders: readonly string[];
  /** Whether it is for a page or file of the console: other sites may link to pages. */
  readonly isForConsole: boolean;
}

export interface Refusal {
  /** 400: malformed. 403: forbidden origin or host. */
  readonly status: 400 | 403;
  readonly message: string;
}

/** Must not be repeated: a proxy might trust the first value and we the second. */
const SINGLE_HEADERS = new Set([
  'host',
  'origin',
  'authorization',
  'sec-fetch-site',
  'sec-fetch-mode',
  'sec-fetch-dest',
]);

export interface DoorOptions {
  /** Null: every admitted client is a guest. */
  readonly key: string | null;
  /** Host names accepted besides IP addresses and "localhost"; lower case, without port. */
  readonly allowedHosts: readonly string[];
}

export function createDoor(options: DoorOptions): Door {
  const allowed = new Set(['localhost', ...options.allowedHosts]);
  // hashes have equal length, so that the comparison leaks nothing
  const keyHash = options.key === null ? null : sha256(options.key);

  return {
    refusal({ url = '', headers, rawHeaders, isForConsole }) {
      const repeated = findRepeated(rawHeaders);
      if (repeated !== null) return malformed(`The request has more than one ${repeated} header.`);
      // an absolute URL in the request line (meant for proxies) could name another host than the header
      if (!url.startsWith('/')) return malformed('The target of the request must be a path.');
      const { host, origin } = headers;
      const name = host === undefined ? null : hostName(host);
      if (name === null) return malformed('The request has no valid Host header.');
      // IP addresses cannot be rebound; only a name can be made to resolve to us
      if (isIP(name) === 0 && !allowed.has(name))
        return forbidden(`This server is not called "${name}"; see SIBLE_ALLOWED_HOSTS.`);
      const isForeign =
        (origin !== undefined && originHost(origin) !== host?.toLowerCase()) ||
        (isCrossSite(headers) && !(isForConsole && isOpenedPage(headers)));
      return isForeign ? forbidden('The request comes from another web page.') : null;
    },

    actorOf(authorization, address) {
      if (keyHash === null) return { kind: 'guest', address };
      const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
      const isGood = token !== undefined && timingSafeEqual(sha256(token), keyHash);
      return isGood ? { kind: 'keyHolder', address } : null;
    },
  };
}

const malformed = (message: string): Refusal => ({ status: 400, message });
const forbidden = (message: string): Refusal => ({ status: 403, message });

function findRepeated(rawHeaders: readonly string[]): string | null {
  const seen = new Set<string>();
  for (let n = 0; n < rawHeaders.length; n += 2) {
    const name = rawHeaders[n]?.toLowerCase() ?? '';
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}

/** Programs send no such header; "none" means the user initiated the request. */
function isCrossSite(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Whether it is a top-level navigation, as after a click on a link. */
function isOpenedPage(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** The name or address in a Host header, lower case, without brackets and port; null when it is malformed. */
function hostName(host: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase() ?? null;
}

/**
 * Host and port of an origin, as a browser writes them into Host; null for "null" and for anything that is
 * not an origin.
 */
function originHost(origin: string): string | null {
  try {
    const url = new URL(origin);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.host.toLowerCase() : null;
  } catch {
    return null;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
