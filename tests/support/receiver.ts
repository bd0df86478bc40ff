import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server of the test, on the loopback interface. */
export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** In the order in which they came. */
  readonly received: readonly Received[];
  /** Changes what it answers from now on. */
  answer(how: (response: ServerResponse, received: Received) => void): void;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let how: (response: ServerResponse, received: Received) => void = (response) => response.end('ok');
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body };
      received.push(one);
      how(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook/SECRET-PATH`,
    port,
    received,
    answer(next) {
      how = next;
    },
  };
}
