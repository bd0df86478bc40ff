import { type LookupAddress, lookup } from 'node:dns';
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { AllowedAddresses } from './allowed-addresses.ts';
import type { SendOutcome } from './notify.ts';

/** A POST to an address that a user has entered. */
export interface Call {
  readonly url: string;
  readonly body: string;
  /** Values must be printable ASCII. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Rejects when there is no answer. */
export type HttpCaller = (call: Call, signal: AbortSignal) => Promise<SendOutcome>;

/** How much of an answer is read; the rest is of no interest. */
const MAX_ANSWER_BYTES = 4_096;
const MAX_SHOWN = 300;

/**
 * Calls addresses of the internet and those that are allowed. A name is looked up once: the connection is made
 * to the address that was checked. Redirects are not followed, and no proxy is used.
 */
export function createHttpCaller(allowed: AllowedAddresses, userAgent: string): HttpCaller {
  return (call, signal) =>
    new Promise((resolve, reject) => {
      const url = new URL(call.url);
      const host = url.hostname.replace(/^\[|\]$/g, '');
      // an address is connected to without a look-up
      if (isIP(host) !== 0 && !allowed.isAllowed(host)) {
        reject(refusal(host, [host]));
        return;
      }
      const isHttps = url.protocol === 'https:';
      const options = {
        method: 'POST',
        // a connection of an earlier call may have been made by other rules
        agent: isHttps ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
        lookup: lookupOf(host, allowed),
        headers: {
          'content-type': 'application/json',
          ...call.headers,
          'content-length': Buffer.byteLength(call.body),
          'user-agent': userAgent,
        },
        signal,
      };
      const sent = (isHttps ? requestHttps : requestHttp)(url, options, (response) => {
        readAnswer(response).then((body) => resolve(outcomeOf(response, body)), reject);
      });
      sent.on('error', reject);
      sent.end(call.body);
    });
}

function lookupOf(host: string, allowed: AllowedAddresses): LookupFunction {
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      if (error) {
        callback(error, '', 0);
        return;
      }
      const usable = allowed.isNamed(host)
        ? addresses
        : addresses.filter(({ address }) => allowed.isAllowed(address));
      const [first] = usable;
      if (!first) {
        const found = addresses.map(({ address }) => address);
        callback(refusal(host, found), '', 0);
      } else if (options.all) callback(null, usable as never);
      else callback(null, first.address, first.family);
    });
  };
}

function refusal(host: string, addresses: readonly string[]): Error {
  return new Error(
    `${host} is ${addresses.slice(0, 3).join(', ')}, not an address of the internet; SIBLE_NOTIFY_ALLOW can allow it.`,
  );
}

/** The beginning of the body. Rejects when the connection breaks before that. */
function readAnswer(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = () => {
      resolve(Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString('utf8'));
      response.destroy();
    };
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= MAX_ANSWER_BYTES) finish();
    });
    response.on('end', finish);
    response.on('error', reject);
    response.on('close', () => reject(new Error('The connection was closed before the end of the answer.')));
  });
}

function outcomeOf({ statusCode = 0, statusMessage = '' }: IncomingMessage, body: string): SendOutcome {
  const isDelivered = statusCode >= 200 && statusCode < 300;
  const isRedirect = statusCode >= 300 && statusCode < 400;
  const said = isRedirect ? 'Redirects are not followed.' : body.slice(0, MAX_SHOWN);
  return { isDelivered, answer: `${statusCode} ${statusMessage}: ${said}` };
}
