import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createGraphqlWebSocket } from '../../../server/graphql/websocket.ts';
import type { Yoga } from '../../../server/graphql/yoga.ts';
import { TESTER } from '../../support/actor.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** A masked text frame; the mask is zero. */
function textFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** A client that says one thing and answers nothing, also not that the socket is closed. */
async function openMute(isAuthorized: boolean) {
  const webSocket = createGraphqlWebSocket({
    yoga: {} as Yoga,
    actorOf: () => (isAuthorized ? TESTER : null),
    refuseKey: () => false,
    onInternalError: (error) => expect(error).toBeNull(),
  });
  const server = createServer().on('upgrade', webSocket.upgrade);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(async () => {
    socket.destroy();
    await webSocket.close();
    server.close();
  });
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
  });
  socket.write(
    'GET /graphql HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await waitUntil(() => received.includes('\r\n\r\n'));
  return {
    webSocket,
    socket,
    say: (text: string) => socket.write(textFrame(text)),
    received: () => received,
  };
}

const INIT = '{"type":"connection_init"}';
const CLOSE_FRAME = '\x88';

it.each([true, false])(
  'a socket that is being closed is not counted, although its client does not answer (key: %s)',
  async (isAuthorized) => {
    const { webSocket, socket, say, received } = await openMute(isAuthorized);
    expect(webSocket.count()).toBe(1);
    let countAtClose: number | null = null;
    socket.on('data', (text) => {
      if (String(text).includes(CLOSE_FRAME)) countAtClose ??= webSocket.count();
    });

    // the second introduction is a breach of the protocol
    for (let n = 0; n < 2; n += 1) say(INIT);

    await waitUntil(() => received().includes(CLOSE_FRAME));
    expect(countAtClose).toBe(0);
    await waitUntil(() => socket.closed || socket.readableEnded, { withinMs: 5_000 });
  },
);
