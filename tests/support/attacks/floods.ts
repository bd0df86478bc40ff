import { connect as connectTcp, type Socket } from 'node:net';
import { waitUntil } from '../wait-until.ts';
import { ATTACKS_TOKEN, type Attack } from './attack.ts';

/** A WebSocket whose frames are written by hand, and which reads only when it is told to. */
export function rawUpgrade(url: string): Socket {
  const socket = rawConnection(url);
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: ${hostOf(url)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  return socket;
}

/** Reads nothing before it is resumed. */
export function rawConnection(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connectTcp({ host: hostname, port: Number(port) });
  return socket.on('error', () => undefined).pause();
}

/** A masked frame; the mask is zero. */
export function frame(opcode: number, payload: string, isLast = true): Buffer {
  const body = Buffer.from(payload);
  const first = (isLast ? 0x80 : 0) | opcode;
  const head =
    body.length < 126
      ? Buffer.from([first, 0x80 | body.length])
      : Buffer.from([first, 0x80 | 126, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), body]);
}

export const TEXT = 1;
const PING = 9;
const INIT = frame(
  TEXT,
  JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${ATTACKS_TOKEN}` } }),
);
const FLOODS: readonly (readonly [string, Buffer])[] = [
  [
    'messages that ask for an answer',
    frame(TEXT, JSON.stringify({ type: 'ping', payload: { a: 'x'.repeat(60_000) } })),
  ],
  ['short messages', Buffer.concat(Array.from({ length: 2_000 }, () => frame(TEXT, '{"type":"ping"}')))],
  ['pings', Buffer.concat(Array.from({ length: 500 }, () => frame(PING, 'x'.repeat(125))))],
  [
    'fragments',
    Buffer.concat([frame(TEXT, '', false), ...Array.from({ length: 5_000 }, () => frame(0, '', false))]),
  ],
  [
    'operations',
    Buffer.concat(
      Array.from({ length: 100 }, (_, n) =>
        frame(TEXT, JSON.stringify({ id: `${n}`, type: 'subscribe', payload: { query: `{ run${n} }` } })),
      ),
    ),
  ],
];

/** Writes as much as is taken, for so long, and reads nothing. */
async function flood(socket: Socket, bytes: Buffer, forMs: number): Promise<void> {
  const end = Date.now() + forMs;
  while (Date.now() < end && !socket.destroyed) {
    const isTaken = socket.write(bytes);
    await new Promise((resolve) => (isTaken ? setImmediate(resolve) : setTimeout(resolve, 10)));
  }
}

export const hostOf = (url: string) => new URL(url).host;

/** Requests one after the other on each of many connections, before any is answered. */
export const PIPELINES: Attack = {
  title: 'requests before any is answered',
  strangers: 50,
  steps: [
    ['of a probe', (host: string) => `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
    ['without the key', (host: string) => `GET /schedule HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
    ['to nowhere', (host: string) => `GET /${'x'.repeat(60)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
  ].map(([title, request]) => ({
    title: title as string,
    async run({ server: { url }, api }) {
      const text = (request as (host: string) => string)(hostOf(url));
      for (let round = 0; round < 10; round += 1) {
        const sockets = Array.from({ length: 50 }, () => rawConnection(url));
        for (const socket of sockets) socket.write(text.repeat(1_000));
        await api.request('{ system { version } }');
        for (const socket of sockets) socket.destroy();
      }
      return '';
    },
  })),
};

const CROWD = 50;

export const FLOODS_OF_STRANGERS: readonly Attack[] = FLOODS.map(([title, bytes]) => ({
  title: `${title}, without the key`,
  strangers: CROWD,
  steps: [
    {
      title,
      async run({ server: { url } }) {
        const sockets = Array.from({ length: CROWD }, () => rawUpgrade(url));
        await Promise.all(sockets.map((socket) => flood(socket, bytes, 1_500)));
        await waitUntil(() => sockets.every((socket) => socket.resume().closed), { withinMs: 10_000 });
        return '';
      },
    },
  ],
}));

export const FLOODS_OF_HOLDERS: readonly Attack[] = FLOODS.map(([title, bytes]) => ({
  title: `${title}, with the key`,
  strangers: 0,
  steps: [
    {
      title,
      async run({ server: { url } }) {
        const sockets = Array.from({ length: 4 }, () => rawUpgrade(url));
        for (const socket of sockets) socket.write(INIT);
        await Promise.all(sockets.map((socket) => flood(socket, bytes, 1_500)));
        for (const socket of sockets) socket.destroy();
        return '';
      },
    },
  ],
}));
