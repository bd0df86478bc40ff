import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/** Who may come in. The same rules hold for every HTTP request and for the upgrade to a WebSocket. */
export interface Door {
  /**
   * Refuses what a web page of somebody else makes a browser send: a name that leads to us but is not ours (DNS rebinding),
   * and requests from a page that we did not serve. Programs send no `Origin` and pass.
   * @returns why it is refused; null when it may pass
   */
  refusal(request: RequestHead): string | null;
  /** Whether the value of an `Authorization` header, or of the connection parameter, is good. True for all when there is no key. */
  isAuthorized(authorization: string | undefined): boolean;
}

export interface RequestHead {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
}

export interface DoorOptions {
  /** Null: everybody who may pass is authorized. */
  readonly key: string | null;
  /** Names by which this server may be called beside addresses and "localhost", lower case, without port. */
  readonly allowedHosts: readonly string[];
}

export function createDoor(options: DoorOptions): Door {
  const allowed = new Set(['localhost', ...options.allowedHosts]);
  // of equal length whatever was given, so that the comparison tells nothing
  const keyHash = options.key === null ? null : sha256(options.key);

  return {
    refusal({ method, host, origin, fetchSite }) {
      const name = host === undefined ? null : hostName(host);
      if (name === null) return 'The request has no valid Host header.';
      // an address cannot be rebound: only a name can be made to lead here by someone else
      if (isIP(name) === 0 && !allowed.has(name))
        return `This server is not called "${name}"; see SIBLE_ALLOWED_HOSTS.`;
      if (origin !== undefined && originHost(origin) !== host?.toLowerCase()) {
        return 'The request comes from another web page.';
      }
      const isSafe = method === 'GET' || method === 'HEAD';
      if (!isSafe && (fetchSite === 'cross-site' || fetchSite === 'same-site')) {
        return 'The request comes from another web page.';
      }
      return null;
    },

    isAuthorized(authorization) {
      if (keyHash === null) return true;
      const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
      return token !== undefined && timingSafeEqual(sha256(token), keyHash);
    },
  };
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
