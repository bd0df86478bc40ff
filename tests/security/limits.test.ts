import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TIMINGS } from '../../server/timings.ts';
import { RUN_LOG } from '../support/api-client.ts';
import { cancelRun, runPlaybook } from '../support/operations.ts';
import { send } from '../support/raw-http.ts';
import { connect, type RawSocket, subscribe } from '../support/raw-socket.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { WAYS } from '../support/ways.ts';
import { type TestServer, type TestServerOptions, withServer } from '../support/with-server.ts';

/** Each limit just below and just above, by each way that leads to it. None of them depends on the storage. */

const TOKEN = 'a-token-for-tests-only';
const json = { 'content-type': 'application/json' };
const MIB = 1_048_576;

const OPTIONS: TestServerOptions = {
  storage: SQLITE,
  ansible: 'scripted',
  timings: TIMINGS,
  playbooks: {
    'hello.yaml': '- hosts: localhost\n',
    'long.yaml': '# print one\n# sleep 600000\n- hosts: localhost\n',
  },
};
const sharedServer = useServer(OPTIONS);

/** On the server that the tests of this file share. */
const withLimits = async (work: (test: TestServer) => Promise<void>) => work(sharedServer());

/** On a server of the test's own, whose counters start at zero. */
const withOwnServer = (work: (test: TestServer) => Promise<void>, env: Record<string, string> = {}) =>
  withServer({ ...OPTIONS, env }, work);

const repeat = (count: number, part: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => part(n)).join(' ');

/** Fields inside each other, so many that the innermost is at this depth. */
function deep(levels: number): string {
  const names = ['schedules(first: 1)', 'edges', 'node'];
  while (names.length < levels - 1) names.push(names.length % 2 === 1 ? 'lastRun' : 'schedule');
  return `{ ${names.join(' { ')} { id ${'} '.repeat(names.length)}}`;
}

function withFragments(count: number): string {
  const spread = repeat(count, (n) => `...F${n}`);
  return `{ ${spread} } ${repeat(count, (n) => `fragment F${n} on Query { __typename }`)}`;
}

const withSpreads = (count: number) =>
  `{ ${repeat(count, () => '...F')} } fragment F on Query { __typename }`;

/** 31 times the fields of one fragment, and 30 more. */
function withFields(names: number): string {
  const fields = `${repeat(50, () => 'version')} ${repeat(names, () => '__typename')}`;
  return `{ ${repeat(30, (n) => `a${n}: system { ...F }`)} } fragment F on System { ${fields} }`;
}

const DOCUMENTS: readonly [string, string, string, RegExp][] = [
  ['12 levels', deep(12), deep(13), /depth/i],
  [
    '30 aliases',
    `{ ${repeat(30, (n) => `a${n}: system { version }`)} }`,
    `{ ${repeat(31, (n) => `a${n}: system { version }`)} }`,
    /alias/i,
  ],
  [
    '30 directives',
    `{ ${repeat(30, () => '__typename @include(if: true)')} }`,
    `{ ${repeat(31, () => '__typename @include(if: true)')} }`,
    /directive/i,
  ],
  [
    '2,000 tokens',
    `{ runs(filter: { status: [${repeat(1_984, () => 'QUEUED')}] }) { totalCount } }`,
    `{ runs(filter: { status: [${repeat(1_985, () => 'QUEUED')}] }) { totalCount } }`,
    /token/i,
  ],
  [
    '50 selections of one field',
    `{ ${repeat(50, () => 'system { version }')} }`,
    `{ ${repeat(51, () => 'system { version }')} }`,
    /one field more than 50 times/,
  ],
  ['50 fragments', withFragments(50), withFragments(51), /more than 50 fragments/],
  ['200 spreads', withSpreads(200), withSpreads(201), /spreads more than 200 fragments/],
  ['2,000 fields', withFields(13), withFields(14), /more than 2000 fields/],
  [
    'a cost of 100,000',
    '{ schedules(first: 500) { edges { node { runs(first: 60) { edges { node { id } } } } } } }',
    '{ schedules(first: 500) { edges { node { runs(first: 500) { edges { node { id } } } } } } }',
    /complex/i,
  ],
  [
    '100 pages of logs',
    '{ runs(first: 99) { edges { node { log { text } } } } }',
    '{ runs(first: 500) { edges { node { log(first: 10000) { text } } } } }',
    /complex/i,
  ],
  [
    '100,000 instants',
    '{ schedules(first: 90) { edges { node { nextRuns(count: 1000) } } } }',
    `{ ${repeat(2, (n) => `a${n}: schedules(first: 500) { edges { node { nextRuns(count: 1000) } } }`)} }`,
    /complex/i,
  ],
  [
    'schedules of playbooks of schedules',
    '{ playbooks { schedules { lastRun { id } } } }',
    '{ playbooks { schedules { runs(first: 100) { edges { node { id } } } } } }',
    /complex/i,
  ],
  [
    '500 of a list',
    '{ runs(first: 500) { edges { node { id } } } }',
    '{ runs(first: 501) { edges { node { id } } } }',
    /first.. is 501/,
  ],
  [
    'one of a list',
    '{ runs(last: 1) { edges { node { id } } } }',
    '{ runs(last: 0) { edges { node { id } } } }',
    /last.. is 0/,
  ],
];

describe('limits of documents', () => {
  it.each(WAYS)('are the same over %s', (_way, ask) =>
    withLimits(async ({ api }) => {
      for (const [title, below, above, message] of DOCUMENTS) {
        expect([title, await ask(api, below)]).toEqual([title, expect.any(Object)]);
        await expect(ask(api, above), title).rejects.toThrow(message);
      }
    }),
  );

  it.each(WAYS)('hide the schema, its names and the inside of the server over %s', (_way, ask) =>
    withLimits(async ({ api, server: { url }, dataDir }) => {
      await expect(ask(api, '{ __schema { types { name } } }')).rejects.toThrow(/introspection/i);
      await expect(ask(api, '{ __type(name: "Run") { name } }')).rejects.toThrow(/introspection/i);
      const guesses: [string, object?][] = [
        ['{ schedule { id } }'],
        ['{ runs(frist: 1) { totalCount } }'],
        ['mutation { runPlaybok { id } }'],
        ['query ($order: ScheduleOrder) { schedules(orderBy: $order) { totalCount } }', { order: 'NAM' }],
        ['query ($input: RunPlaybookInput!) { runs { totalCount } }', { input: { playbok: 'x' } }],
      ];
      for (const [query, variables] of guesses) {
        const error = await ask(api, query, { ...variables }).then(() => null, String);
        expect([query, error]).toEqual([query, expect.stringMatching(/Error/)]);
        expect([query, error]).not.toEqual([query, expect.stringMatching(/did you mean/i)]);
      }
      // those who have the key read it as a file
      const file = await send(url, '/schema.graphql');
      expect([file.status, file.body]).toEqual([200, expect.stringContaining('type Subscription')]);

      await rename(join(dataDir, 'playbooks'), join(dataDir, 'gone'));
      const internal = await ask(api, '{ playbooks { path } }').then(() => '', String);
      await rename(join(dataDir, 'gone'), join(dataDir, 'playbooks'));
      expect(internal).toMatch(/Internal error\..*INTERNAL_SERVER_ERROR.*requestId/);
      expect(internal).not.toMatch(/ENOENT|scandir|node_modules|at \w+ \(/);
      expect(internal).not.toContain(dataDir);
    }),
  );
});

describe('limits of answers', () => {
  it.each(WAYS)('texts of 3 MiB are given at once, and no more, over %s', (_way, ask) =>
    withLimits(async ({ api, dataDir }) => {
      // whatever their number, each costs as much as it holds
      for (let n = 0; n < 5; n += 1)
        await writeFile(join(dataDir, `playbooks/long${n}.yaml`), `- hosts: all #${'x'.repeat(MIB - 15)}\n`);
      const contents = (count: number) =>
        `{ ${repeat(count, (n) => `a${n}: playbook(path: "long${n % 5}.yaml") { content }`)} }`;
      expect(Object.keys(await ask<object>(api, contents(3)))).toHaveLength(3);
      for (const count of [4, 30])
        await expect(ask(api, contents(count))).rejects.toThrow(/would hold more than 3145728 characters/);
      await expect(ask(api, '{ playbooks { content } }')).rejects.toThrow(/would hold more than/);
    }),
  );
});

describe('limits of requests', () => {
  it('a body of 2.25 MiB is read, and no byte more', () =>
    withLimits(async ({ server: { url } }) => {
      const bodyOf = (bytes: number) => {
        const frame = JSON.stringify({ query: '{ system { version } }', variables: { padding: '' } });
        return JSON.stringify({
          query: '{ system { version } }',
          variables: { padding: 'x'.repeat(bytes - frame.length) },
        });
      };
      const post = (bytes: number) =>
        // the server may close the connection before all of it was sent
        send(url, '/graphql', { method: 'POST', headers: json, body: bodyOf(bytes) }).catch(() => ({
          status: 413,
        }));
      expect((await post(2.25 * MIB)).status).toBe(200);
      expect((await post(2.25 * MIB + 1)).status).toBe(413);
      expect((await post(10 * MIB)).status).toBe(413);
      for (const body of [
        '',
        '{',
        'null',
        '[]',
        '{"query": 1}',
        '{"query": "{"}',
        '\0',
        '{"query":"{ a }","variables":[]}',
      ]) {
        const answer = await send(url, '/graphql', {
          method: 'POST',
          headers: { ...json, accept: 'application/graphql-response+json' },
          body,
        });
        expect([body, answer.status]).toEqual([body, 400]);
        expect(answer.body).not.toMatch(/node_modules|at \w+ \(|\/dist\//);
      }
      const batch = await send(url, '/graphql', {
        method: 'POST',
        headers: json,
        body: '[{"query":"{ system { version } }"},{"query":"{ system { version } }"}]',
      });
      expect(batch.status).toBe(400);
    }));

  it('a document of 64 KiB is read, and no byte more, however little it says', () =>
    withLimits(async ({ api }) => {
      const query = '{ system { version } } # é';
      const ofBytes = (bytes: number) => query.padEnd(bytes - 1);
      expect(await api.request(ofBytes(65_536))).toMatchObject({ system: {} });
      for (const bytes of [65_537, 2 * MIB]) {
        await expect(api.request(ofBytes(bytes))).rejects.toThrow(/longer than 65536 bytes/);
        await expect(api.overSse(ofBytes(bytes), {}).next()).rejects.toThrow(/longer than 65536 bytes/);
      }
    }));

  it('a stranger is asked for the key 60 times a minute, and whoever has it is not counted', () =>
    withOwnServer(
      async ({ server: { url }, api }) => {
        const statuses = new Map<number, number>();
        for (let n = 0; n < 61; n += 1) {
          const { status } = await send(url, '/graphql', { method: 'POST', headers: json, body: '{}' });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
        expect(Object.fromEntries(statuses)).toEqual({ 401: 60, 429: 1 });
        // the address is read off the socket: a header gives nobody another one
        const forwarded = { ...json, 'x-forwarded-for': '198.51.100.7', forwarded: 'for=198.51.100.7' };
        expect((await send(url, '/schedule', { headers: forwarded })).status).toBe(429);
        for (let n = 0; n < 100; n += 1) await api.request('{ system { version } }');
      },
      { SIBLE_ADMIN_TOKEN: TOKEN },
    ));
});

describe('limits of a WebSocket', () => {
  it('a message has at most 64 KiB', () =>
    withLimits(async ({ server: { url } }) => {
      const ofBytes = (bytes: number) => {
        const frame = JSON.stringify(subscribe('1', '{ system { version } }', { padding: '' })).length;
        return JSON.stringify(
          subscribe('1', '{ system { version } }', { padding: 'x'.repeat(bytes - frame) }),
        );
      };
      const below = connect(url);
      await below.acknowledged();
      below.send(ofBytes(65_536));
      expect(await below.answered('1')).toMatchObject({ type: 'next' });
      below.close();
      const above = connect(url);
      await above.acknowledged();
      above.send(ofBytes(65_537));
      expect(await above.closed()).toBe(1009);
    }));

  it('20 operations go on at once, and the place of one that ended is free again', () =>
    withLimits(async ({ server: { url }, api }) => {
      const runId = await runPlaybook(api, 'long.yaml');
      const socket = connect(url);
      await socket.acknowledged();
      for (let n = 1; n <= 20; n += 1) socket.send(subscribe(`s${n}`, RUN_LOG, { runId }));
      expect(await socket.answered('s20')).toMatchObject({ type: 'next' });
      socket.send(subscribe('s21', RUN_LOG, { runId }));
      expect(await socket.answered('s21')).toMatchObject({
        type: 'error',
        payload: [{ message: 'At most 20 operations at once on one connection.' }],
      });
      socket.send({ id: 's1', type: 'complete' });
      socket.send(subscribe('s22', RUN_LOG, { runId }));
      expect(await socket.answered('s22')).toMatchObject({ type: 'next' });
      socket.close();
      await cancelRun(api, runId);
    }));

  it('breaches of the protocol close it with the code that says which', () =>
    withLimits(async ({ server: { url }, api }) => {
      const runId = await runPlaybook(api, 'long.yaml');
      const silent = connect(url, false);
      await silent.opened();
      const cases: [string, number, (socket: RawSocket) => void][] = [
        ['two introductions', 4429, (socket) => socket.send({ type: 'connection_init' })],
        [
          'one id twice',
          4409,
          (socket) => {
            socket.send(subscribe('1', RUN_LOG, { runId }));
            socket.send(subscribe('1', RUN_LOG, { runId }));
          },
        ],
        ['no JSON', 4400, (socket) => socket.send('{')],
        ['no message', 4400, (socket) => socket.send('[]')],
        ['a type that is none', 4400, (socket) => socket.send({ type: 'evil' })],
        ['no document', 4400, (socket) => socket.send({ id: '1', type: 'subscribe', payload: {} })],
      ];
      for (const [title, code, breach] of cases) {
        const socket = connect(url);
        await socket.acknowledged();
        breach(socket);
        expect([title, await socket.closed()]).toEqual([title, code]);
      }
      expect(await silent.closed()).toBe(4408);
      // and none of it has hurt the server
      expect(await api.request('{ system { version } }')).toBeTruthy();
      await cancelRun(api, runId);
    }));

  it('what is refused is closed, whatever its other end does', () =>
    withLimits(async ({ server: { url, pid } }) => {
      const open = () => readdirSync(`/proc/${pid}/fd`).length;
      const before = open();
      const { hostname, port } = new URL(url);
      const head = (path: string, host: string) =>
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\nmore`;
      const sockets = Array.from({ length: 50 }, (_, n) => {
        const socket = connectTcp({ host: hostname, port: Number(port), allowHalfOpen: true });
        socket.on('error', () => undefined);
        socket.write(
          n % 2 === 0 ? head('/elsewhere', `127.0.0.1:${port}`) : head('/graphql', 'evil.example'),
        );
        return socket;
      });
      await Promise.all(sockets.map((socket) => once(socket.resume(), 'end')));
      await waitUntil(() => open() <= before + 5, { withinMs: 10_000 });
      for (const socket of sockets) socket.destroy();
    }));

  it('5,000 sockets are let in, and the next one when one of them has left', () =>
    withOwnServer(async ({ server: { url } }) => {
      const sockets: RawSocket[] = [];
      try {
        while (sockets.length < 5_000) {
          const more = Array.from({ length: 100 }, () => connect(url));
          sockets.push(...more);
          await Promise.all(more.map((socket) => socket.acknowledged()));
        }
        const above = connect(url);
        expect(await above.closed()).toBe(1006);
        sockets.pop()?.close();
        await waitUntil(
          async () => {
            const socket = connect(url);
            sockets.push(socket);
            return (await Promise.race([socket.acknowledged(), socket.closed()])) === true || null;
          },
          { withinMs: 10_000, everyMs: 50 },
        );
      } finally {
        for (const socket of sockets) socket.close();
      }
    }));
});
