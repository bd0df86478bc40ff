import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { Actor } from '../domain/actor.ts';

/** Who may come in. The same rules hold for every HTTP request and for the upgrade to a WebSocket. */
export interface Door {
  /**
   * Refuses what can be read in more than one way, and what a web page of somebody else makes a browser send: a name that
   * leads to us but is not ours (DNS rebinding), and requests from a page that we did not serve. Programs send no `Origin`
   * and pass.
   * @returns why it is refused; null when it may pass
   */
  refusal(request: RequestHead): Refusal | null;
  /**
   * Who is asking.
   * @param authorization the value of an `Authorization` header, or of the connection parameter
   * @param address as read off the socket
   * @returns null when the key is missing or wrong; a guest when there is no key
   */
  actorOf(authorization: string | undefined, address: string): Actor | null;
}

/** What is known of a request before its body; an `IncomingMessage` is one. */
export interface RequestHead {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Names and values as they came, one after the other. */
  readonly rawHeaders: readonly string[];
  /** Whether it is for a page or file of the console: another site may link to a page. */
  readonly isForConsole: boolean;
}

export interface Refusal {
  /** 400: it is no proper request. 403: it comes from where none may come from. */
  readonly status: 400 | 403;
  readonly message: string;
}

/** Sent twice, one of us would believe the first and another the second. */
const SINGLE_HEADERS = new Set([
  'host',
  'origin',
  'authorization',
  'sec-fetch-site',
  'sec-fetch-mode',
  'sec-fetch-dest',
]);

export interface DoorOptions {
  /** Null: everybody who may pass is a guest. */
  readonly key: string | null;
  /** Names by which this server may be called beside addresses and "localhost", lower case, without port. */
  readonly allowedHosts: readonly string[];
}

export function createDoor(options: DoorOptions): Door {
  const allowed = new Set(['localhost', ...options.allowedHosts]);
  // of equal length whatever was given, so that the comparison tells nothing
  const keyHash = options.key === null ? null : sha256(options.key);

  return {
    refusal({ url = '', headers, rawHeaders, isForConsole }) {
      const repeated = findRepeated(rawHeaders);
      if (repeated !== null) return malformed(`The request has more than one ${repeated} header.`);
      // an address in the first line, for proxies, could name another host than the header
      if (!url.startsWith('/')) return malformed('The target of the request must be a path.');
      const { host, origin } = headers;
      const name = host === undefined ? null : hostName(host);
      if (name === null) return malformed('The request has no valid Host header.');
      // an address cannot be rebound: only a name can be made to lead here by someone else
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

/** Programs send no such header; "none" is what a browser was told by its user. */
function isCrossSite(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** Whether a browser shows the answer in a tab of its own, as after a click on a link. */
function isOpenedPage(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** The name or address in a Host header, lower case, without brackets and port; null when it is none. */
function hostName(host: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase() ?? null;
}

/** Host and port of an origin, as a browser writes them into Host; null for "null" and for what is no origin. */
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
