import { connect as connectTcp, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Damage, damageOf, meterEnv } from '../support/attack.ts';
import { send } from '../support/raw-http.ts';
import { connect } from '../support/raw-socket.ts';
import { SQLITE } from '../support/storages.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';
import { WAYS } from '../support/ways.ts';
import { type TestServer, withServer } from '../support/with-server.ts';

/** What clients can do to the server, in milliseconds for which nobody else is served and in megabytes. */

const TOKEN = 'a-token-for-tests-only';
const MAX_STALL_MS = 50;
const MAX_GROWTH_MB = { stranger: 1, holder: 200 };
/** What a server takes for its own work in between, its heap and its buffers. */
const NOISE_MB = 30;

type Measured = TestServer & { measure(attack: () => Promise<unknown>): Promise<Damage> };

async function withMeter(
  work: (test: Measured) => Promise<void>,
  options: { playbooks?: Record<string, string>; env?: Record<string, string> } = {},
): Promise<void> {
  const folder = await makeTempDir();
  try {
    await withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        playbooks: { 'hello.yaml': '- hosts: localhost\n', ...options.playbooks },
        env: { SIBLE_ADMIN_TOKEN: TOKEN, ...meterEnv(folder.path), ...options.env },
      },
      (test) => {
        const measure = (attack: () => Promise<unknown>) => damageOf(test, folder.path, attack);
        return work(Object.create(test, { measure: { value: measure } }) as Measured);
      },
    );
  } finally {
    await folder.remove();
  }
}

const repeat = (count: number, part: (n: number) => string, joiner = ' ') =>
  Array.from({ length: count }, (_, n) => part(n)).join(joiner);
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const RUNS_BY = 'query ($a: [RunStatus!]) { runs(filter: { status: $a }) { totalCount } }';
const RUNS_IN = 'query ($a: RunFilter) { runs(filter: $a) { totalCount } }';
const FIRST = 'query ($a: Int!) { runs(first: $a) { totalCount } }';

/** Documents and variables that take long to parse, to check or to tell the faults of. */
const OPERATIONS: readonly (readonly [string, string, object?])[] = [
  ['a long value that is repeated in the message', FIRST, { a: ' Did you mean '.repeat(24_000) }],
  ['the longest value', FIRST, { a: ' Did you mean ?'.repeat(180_000) }],
  ['a short one, for WebSockets', FIRST, { a: ' Did you mean '.repeat(4_000) }],
  ['long values', RUNS_BY, { a: Array.from({ length: 60 }, (_, n) => `S${n}`.repeat(900)) }],
  ['many wrong values', RUNS_BY, { a: Array.from({ length: 300_000 }, (_, n) => n) }],
  ['many wrong values in a message', RUNS_BY, { a: Array.from({ length: 10_000 }, (_, n) => n) }],
  [
    'names that are none',
    RUNS_IN,
    { a: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`statu${n}`, n])) },
  ],
  ['long names that are none', RUNS_IN, { a: { ['status'.repeat(10_000)]: 1 } }],
  ['a value that is nested deep', RUNS_IN, { a: JSON.parse(nested(1_500)) }],
  ['one field again and again', `{ ${repeat(490, () => 'system { version }')} }`],
  ['one field in one field', `{ ${repeat(150, () => 'runs { edges { node { id } } }')} }`],
  [
    'fields inside fields',
    `{ runs { edges { node { ${repeat(20, () => `schedule { ${repeat(20, () => 'lastRun { id }')} }`)} } } } }`,
  ],
  ['inline fragments', `{ ${repeat(240, () => '... on Query { system { id } }')} }`],
  [
    'fragments',
    `{ ${repeat(150, (n) => `...F${n}`)} } ${repeat(150, (n) => `fragment F${n} on Query { system { version } }`)}`,
  ],
  [
    'fragments in fragments',
    `{ ...F0 } ${repeat(40, (n) => `fragment F${n} on Query { ${repeat(20, (m) => `...F${(n + m + 1) % 40}`)} }`)}`,
  ],
  [
    'fragments to the power of six',
    `{ ...A } ${repeat(6, (n) => `fragment ${'ABCDEFG'[n]} on Query { ${repeat(45, () => `...${'ABCDEFG'[n + 1]}`)} }`)} fragment G on Query { system { version } }`,
  ],
  [
    'fragments that nothing spreads',
    repeat(60, (n) => `fragment F${n} on Query { ${repeat(6, () => 'system { version }')} }`),
  ],
  ['a long name', `{ ${'a'.repeat(60_000)} }`],
  ['names that are none in a document', `{ ${repeat(1_900, (n) => `run${n}`)} }`],
  ['arguments that are none', `{ runs(${repeat(480, (n) => `firs${n}: 1`)}) { totalCount } }`],
  ['variables that are not used', `query (${repeat(480, (n) => `$a${n}: Int`)}) { system { version } }`],
  ['fragments that are none', `{ ${repeat(900, (n) => `...run${n}`)} }`],
  ['directives that are none', `{ system { version ${repeat(900, (n) => `@ski${n}`)} } }`],
  ['a list that is nested deep', `{ runs(filter: { status: ${nested(900)} }) { totalCount } }`],
  ['a list that is nested deeper', `{ runs(filter: { status: ${nested(30_000)} }) { totalCount } }`],
  ['fields that are nested deep', `${'{ schedule '.repeat(900)}${'}'.repeat(900)}`],
  [
    'a type that is nested deep',
    `query ($a: ${'['.repeat(900)}Int${']'.repeat(900)}) { runs { totalCount } }`,
  ],
  ['a text that does not end', `{ playbook(path: "${'a'.repeat(60_000)}`],
  ['a text of many lines', `{ playbook(path: """${'\n '.repeat(30_000)}""") { path } }`],
  ['comments', `${'#\n'.repeat(30_000)}{ system { version } }`],
  ['3 MB of lines', `{ playbook(path: """${'\n '.repeat(1_400_000)}""") { path } }`],
  ['3 MB of commas', `{${','.repeat(3_000_000)} system { version } }`],
];

describe('no operation keeps the others waiting', () => {
  it.each(WAYS)('over %s', (_way, ask) =>
    withMeter(async ({ api, measure }) => {
      const stalls: [string, number][] = [];
      await ask(api, '{ system { version } }');
      for (const [title, query, variables] of OPERATIONS) {
        let told = '';
        const { stallMs } = await measure(async () => {
          told = await ask(api, query, { ...variables }).then(
            (data) => JSON.stringify(data),
            (error: unknown) => String(error),
          );
        });
        stalls.push([title, Math.round(stallMs)]);
        expect([title, told.length]).toEqual([title, expect.toSatisfy((length) => length < 40_000)]);
      }
      expect(stalls.filter(([, ms]) => ms > MAX_STALL_MS)).toEqual([]);
    }),
  );

  it('however many come at once', () =>
    withMeter(async ({ server: { url }, api, measure }) => {
      const query = `{ ${repeat(25, (n) => `a${n}: runs(first: 1) { edges { node { id status } } }`)} }`;
      await api.request(query);
      const overHttp = await measure(() =>
        Promise.all(Array.from({ length: 60 }, (_, n) => api.request(query + ' '.repeat(n)))),
      );
      expect(overHttp.stallMs).toBeLessThan(MAX_STALL_MS);
      const socket = connect(url, false);
      await socket.opened();
      socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } });
      await socket.acknowledged();
      const overWebSocket = await measure(async () => {
        for (let n = 0; n < 2_000; n += 1)
          socket.send({ id: `${n}`, type: 'subscribe', payload: { query: `{ runz${n} }` } });
        await socket.answered('1999');
      });
      socket.close();
      expect(overWebSocket.stallMs).toBeLessThan(MAX_STALL_MS);
    }));

  it('bodies of JSON that it takes long to read', () =>
    withMeter(async ({ server: { url }, measure }) => {
      const bodies = [
        nested(1_500_000),
        `[${'0,'.repeat(1_500_000)}0]`,
        `{"query":"{ a }","variables":{${repeat(200_000, (n) => `"k${n}":0`, ',')}}}`,
        `{"query":"${'\\\\'.repeat(1_500_000)}"}`,
        `{"${'x'.repeat(3_000_000)}":1}`,
        `{"query":"{ a }","extensions":{${repeat(100_000, () => '"__proto__":{}', ',')}}}`,
      ];
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` };
      for (const path of ['/graphql', '/schedule']) {
        for (const [n, body] of bodies.entries()) {
          let length = 0;
          const { stallMs } = await measure(async () => {
            const answer = await send(url, path, { method: 'POST', headers, body });
            length = answer.body.length;
          });
          expect([path, n, length < 2_000, stallMs < MAX_STALL_MS, stallMs]).toEqual([
            path,
            n,
            true,
            true,
            stallMs,
          ]);
        }
      }
    }));
});

/** A WebSocket whose frames are written by hand, and which reads only when it is told to. */
function rawUpgrade(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connectTcp({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  return socket.pause();
}

/** A masked frame; the mask is zero. */
function frame(opcode: number, payload: string, isLast = true): Buffer {
  const body = Buffer.from(payload);
  const first = (isLast ? 0x80 : 0) | opcode;
  const head =
    body.length < 126
      ? Buffer.from([first, 0x80 | body.length])
      : Buffer.from([first, 0x80 | 126, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), body]);
}

const TEXT = 1;
const PING = 9;
const INIT = frame(
  TEXT,
  JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } }),
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

describe('whoever reads nothing', () => {
  it.each(FLOODS)('%s, without the key', (_title, bytes) =>
    withMeter(async ({ server, measure }) => {
      const damage = await measure(async () => {
        const sockets = Array.from({ length: 4 }, () => rawUpgrade(server.url));
        await Promise.all(sockets.map((socket) => flood(socket, bytes, 1_500)));
        await waitUntil(() => sockets.every((socket) => socket.resume().closed), { withinMs: 10_000 });
      });
      expect(damage.growthMb).toBeLessThan(4 * MAX_GROWTH_MB.stranger + NOISE_MB);
      expect(damage.stallMs).toBeLessThan(MAX_STALL_MS);
      expect(server.output().length).toBeLessThan(10_000);
    }),
  );

  it.each(FLOODS)('%s, with the key', (_title, bytes) =>
    withMeter(async ({ server, api, measure }) => {
      const damage = await measure(async () => {
        const sockets = Array.from({ length: 4 }, () => rawUpgrade(server.url));
        for (const socket of sockets) socket.write(INIT);
        await Promise.all(sockets.map((socket) => flood(socket, bytes, 1_500)));
        for (const socket of sockets) socket.destroy();
      });
      expect(damage.growthMb).toBeLessThan(MAX_GROWTH_MB.holder);
      expect(damage.stallMs).toBeLessThan(MAX_STALL_MS);
      expect(server.output().length).toBeLessThan(10_000);
      expect(await api.request('{ system { version } }')).toBeTruthy();
    }),
  );
});

const MIB = 1_048_576;
const LONG_PLAYBOOKS = Object.fromEntries(
  Array.from({ length: 60 }, (_, n) => [`p${n}.yaml`, `- hosts: localhost\n#${'x'.repeat(MIB - 100)}\n`]),
);

describe('memory of one client', () => {
  it.each(WAYS)('that asks for all playbooks five times over %s', (_way, ask) =>
    withMeter(
      async ({ api, measure }) => {
        await ask(api, '{ system { version } }');
        const damage = await measure(async () => {
          const content = repeat(5, (n) => `a${n}: playbooks { content }`);
          await expect(ask(api, `{ ${content} }`)).rejects.toThrow(/more than 3145728 characters/);
          await expect(ask(api, '{ playbooks { revision } }')).rejects.toThrow(/more than/);
        });
        expect(damage.growthMb).toBeLessThan(MAX_GROWTH_MB.holder);
        expect(damage.stallMs).toBeLessThan(MAX_STALL_MS);
        // what is not too long is there
        const few = repeat(2, (n) => `a${n}: playbook(path: "p${n}.yaml") { content revision }`);
        expect(Object.keys(await ask(api, `{ ${few} }`))).toHaveLength(2);
      },
      { playbooks: LONG_PLAYBOOKS },
    ),
  );

  it('that asks for long answers and reads none of them', () =>
    withMeter(
      async ({ server: { url }, api, measure }) => {
        await api.request('{ system { version } }');
        const { hostname, port } = new URL(url);
        const query = `{ ${repeat(7, (n) => `a${n}: playbook(path: "p${n}.yaml") { content }`)} }`;
        const body = JSON.stringify({ query });
        const request = `POST /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
        const damage = await measure(async () => {
          const sockets = Array.from({ length: 10 }, () => {
            const socket = connectTcp({ host: hostname, port: Number(port) }).pause();
            socket.on('error', () => undefined);
            // one after the other on one connection, before any is answered
            socket.write(request.repeat(50));
            return socket;
          });
          // everybody else is served meanwhile
          const begun = Date.now();
          while (Date.now() - begun < 3_000) await api.request('{ system { version } }');
          for (const socket of sockets) socket.destroy();
        });
        expect(damage.growthMb).toBeLessThan(MAX_GROWTH_MB.holder);
        expect(damage.stallMs).toBeLessThan(MAX_STALL_MS);
        // and the places of those who have gone are free again
        expect(await api.request('{ playbook(path: "p1.yaml") { content } }')).toBeTruthy();
      },
      { playbooks: LONG_PLAYBOOKS },
    ));

  it('that never asks the same twice', () =>
    withMeter(async ({ api, measure }) => {
      await api.request('{ system { version } }');
      const document = (n: number) =>
        `{ ${repeat(1_000, () => 'system')} # ${n} ${'x'.repeat(60_000 - 10_000)}\n}`;
      const damage = await measure(async () => {
        for (let n = 0; n < 300; n += 1) await api.request(document(n)).catch(() => undefined);
      });
      expect(damage.growthMb).toBeLessThan(MAX_GROWTH_MB.holder);
    }));
});

describe('whoever has no key', () => {
  it('is cut off after 3 s, whatever it answers', () =>
    withMeter(async ({ server: { url } }) => {
      const begun = Date.now();
      const sockets = Array.from({ length: 50 }, () => rawUpgrade(url).resume());
      await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
      expect(Date.now() - begun).toBeGreaterThan(2_900);
      expect(Date.now() - begun).toBeLessThan(6_000);
    }));

  it('keeps nobody out who has it, also from the same address', () =>
    withMeter(async ({ server: { url } }) => {
      const crowd = Array.from({ length: 1_100 }, () => rawUpgrade(url));
      try {
        for (let n = 0; n < 20; n += 1) {
          const socket = connect(url, false);
          await socket.opened();
          socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${TOKEN}` } });
          await socket.acknowledged();
          socket.close();
        }
      } finally {
        for (const socket of crowd) socket.destroy();
      }
    }));

  it('guesses 60 keys a minute over HTTP and WebSocket together, and fills no log', () =>
    withMeter(async ({ server, api }) => {
      const { url } = server;
      const guess = async () => {
        const socket = connect(url, false);
        await socket.opened();
        socket.send({ type: 'connection_init', payload: { authorization: 'Bearer a-wrong-one' } });
        return socket.closed();
      };
      const codes: (number | null)[] = [];
      for (let n = 0; n < 59; n += 1) codes.push(await guess());
      expect(new Set(codes)).toEqual(new Set([4403]));
      expect((await send(url, '/schedule')).status).toBe(401);
      expect((await send(url, '/schedule')).status).toBe(429);
      expect(await guess()).toBe(4429);
      // who has the key may share the address of who guesses
      expect(await api.request('{ system { version } }')).toBeTruthy();
      const lines = server
        .output()
        .split('\n')
        .filter((line) => line.includes('refused'));
      expect(lines).toHaveLength(1);
    }));
});
