import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import Database from 'libsql';
import { MUTATIONS } from './mutations.ts';
import { send } from './raw-http.ts';
import { connect } from './raw-socket.ts';
import { waitUntil } from './wait-until.ts';
import { WAYS } from './ways.ts';
import type { TestServer } from './with-server.ts';

/** What clients may do to the server: for the tests, which say that it survives, and the benchmark, which says how well. */
export interface Attack {
  readonly title: string;
  /** Clients without the key that take part; 0: who attacks has it. */
  readonly strangers: number;
  readonly playbooks?: Readonly<Record<string, string>>;
  /** What is done, each step after the one before. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly title: string;
  /** @returns the answer, or the error that the client was told; empty when nobody reads one */
  run(target: TestServer): Promise<string>;
}

export const ATTACKS_TOKEN = 'a-token-for-tests-only';

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

/** A WebSocket whose frames are written by hand, and which reads only when it is told to. */
export function rawUpgrade(url: string): Socket {
  const socket = rawConnection(url);
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: ${hostOf(url)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  return socket;
}

/** Reads nothing before it is resumed. */
function rawConnection(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connectTcp({ host: hostname, port: Number(port) });
  return socket.on('error', () => undefined).pause();
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

const told = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    (data) => JSON.stringify(data),
    (error: unknown) => String(error),
  );

const OPERATIONS_EACH_WAY: readonly Attack[] = WAYS.map(([way, ask]) => ({
  title: `operations over ${way}`,
  strangers: 0,
  steps: OPERATIONS.map(([title, query, variables]) => ({
    title,
    run: ({ api }) => told(ask(api, query, { ...variables })),
  })),
}));

const MANY_OPERATIONS: Attack = {
  title: 'many operations at once',
  strangers: 0,
  steps: [
    {
      title: 'over HTTP',
      async run({ api }) {
        const query = `{ ${repeat(25, (n) => `a${n}: runs(first: 1) { edges { node { id status } } }`)} }`;
        await Promise.all(Array.from({ length: 60 }, (_, n) => api.request(query + ' '.repeat(n))));
        return '';
      },
    },
    {
      title: 'over one WebSocket',
      async run({ server: { url } }) {
        const socket = connect(url, false);
        await socket.opened();
        socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${ATTACKS_TOKEN}` } });
        await socket.acknowledged();
        for (let n = 0; n < 2_000; n += 1)
          socket.send({ id: `${n}`, type: 'subscribe', payload: { query: `{ runz${n} }` } });
        await socket.answered('1999');
        socket.close();
        return '';
      },
    },
  ],
};

const BODIES: readonly (readonly [string, string])[] = [
  ['lists in lists', nested(1_500_000)],
  ['a long list', `[${'0,'.repeat(1_500_000)}0]`],
  ['a long map', `{"query":"{ a }","variables":{${repeat(200_000, (n) => `"k${n}":0`, ',')}}}`],
  ['escapes', `{"query":"${'\\\\'.repeat(1_500_000)}"}`],
  ['a long key', `{"${'x'.repeat(3_000_000)}":1}`],
  ['prototypes', `{"query":"{ a }","extensions":{${repeat(100_000, () => '"__proto__":{}', ',')}}}`],
];
const JSON_BODIES: Attack = {
  title: 'bodies of JSON',
  strangers: 0,
  steps: ['/graphql', '/schedule'].flatMap((path) =>
    BODIES.map(([title, body]) => ({
      title: `${title} to ${path}`,
      async run({ server: { url } }) {
        const headers = { 'content-type': 'application/json', authorization: `Bearer ${ATTACKS_TOKEN}` };
        return (await send(url, path, { method: 'POST', headers, body })).body;
      },
    })),
  ),
};

const hostOf = (url: string) => new URL(url).host;

/** Requests one after the other on each of many connections, before any is answered. */
const PIPELINES: Attack = {
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

const FLOODS_OF_STRANGERS: readonly Attack[] = FLOODS.map(([title, bytes]) => ({
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

const FLOODS_OF_HOLDERS: readonly Attack[] = FLOODS.map(([title, bytes]) => ({
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

const MIB = 1_048_576;
const LONG_PLAYBOOKS = Object.fromEntries(
  Array.from({ length: 60 }, (_, n) => [`p${n}.yaml`, `- hosts: localhost\n#€${'x'.repeat(MIB - 100)}\n`]),
);

const ALL_PLAYBOOKS: readonly Attack[] = WAYS.map(([way, ask]) => ({
  title: `all playbooks five times over ${way}`,
  strangers: 0,
  playbooks: LONG_PLAYBOOKS,
  steps: [
    {
      title: 'their text',
      run: ({ api }) => told(ask(api, `{ ${repeat(5, (n) => `a${n}: playbooks { content }`)} }`)),
    },
    ...['revision', 'encoding', 'revision encoding'].map((fields) => ({
      title: `their ${fields}`,
      run: ({ api }: TestServer) => told(ask(api, `{ playbooks { ${fields} } }`)),
    })),
  ],
}));

const UNREAD_ANSWERS: Attack = {
  title: 'long answers that nobody reads',
  strangers: 0,
  playbooks: LONG_PLAYBOOKS,
  steps: [2, 7].map((count) => ({
    title: `${count} playbooks each`,
    async run({ server: { url }, api }) {
      const query = `{ ${repeat(count, (n) => `a${n}: playbook(path: "p${n}.yaml") { content }`)} }`;
      const body = JSON.stringify({ query });
      const request = `POST /graphql HTTP/1.1\r\nHost: ${hostOf(url)}\r\nAuthorization: Bearer ${ATTACKS_TOKEN}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      // as many as one connection may ask for at once
      const sockets = Array.from({ length: 100 }, () => rawConnection(url));
      for (const socket of sockets) socket.write(request.repeat(4));
      // everybody else is served meanwhile
      const begun = Date.now();
      while (Date.now() - begun < 3_000) await api.request('{ system { version } }');
      for (const socket of sockets) socket.destroy();
      return '';
    },
  })),
};

const NEVER_THE_SAME: Attack = {
  title: 'never the same document twice',
  strangers: 0,
  steps: [
    {
      title: '300 documents of 60 kB',
      async run({ api }) {
        for (let n = 0; n < 300; n += 1)
          await told(
            api.request(`{ ${repeat(1_000, () => 'system')} # ${n} ${'x'.repeat(60_000 - 10_000)}\n}`),
          );
        return '';
      },
    },
  ],
};

const LONG_PARAMETERS = {
  extraVarsJson: JSON.stringify(
    Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`key_${n}`, `"€${'x'.repeat(9)}"`])),
  ),
};
const MANY = 150;

interface Ids {
  readonly schedules: { readonly edges: readonly { readonly node: { readonly id: string } }[] };
}

const PARAMETERS: Attack = {
  title: 'long parameters of many runs and schedules',
  strangers: 0,
  steps: [
    {
      title: 'start runs',
      async run({ api }) {
        for (let n = 0; n < MANY; n += 1)
          await api.request(MUTATIONS.run, {
            input: { playbook: 'hello.yaml', parameters: LONG_PARAMETERS },
          });
        return '';
      },
    },
    {
      title: 'create schedules',
      async run({ api }) {
        const timing = { cron: '0 3 * * *' };
        for (let n = 0; n < MANY; n += 1)
          await api.request(MUTATIONS.create, {
            input: { name: `s${n}`, playbook: 'hello.yaml', timing, parameters: LONG_PARAMETERS },
          });
        return '';
      },
    },
    {
      title: 'run schedules',
      async run({ api }) {
        const { schedules } = await api.request<Ids>('{ schedules(first: 500) { edges { node { id } } } }');
        for (const { node } of schedules.edges)
          await api.request(
            'mutation ($id: ID!) { triggerSchedule(input: { id: $id, force: true }) { __typename } }',
            node,
          );
        return '';
      },
    },
    ...[
      ...[
        'runs(first: 500) { edges { node { schedule { id } } } }',
        'runs(first: 500) { edges { node { schedule { id lastRun { id } } } } }',
        'schedules(first: 500) { edges { node { id } } }',
        'playbooks { schedules { id name nextRunAt } }',
        'schedules(first: 50) { edges { node { problem unreadable parameters { limit } } } }',
      ].map((field) => `{ ${repeat(10, (n) => `a${n}: ${field}`)} }`),
      '{ runs(first: 500) { edges { node { id status } } } }',
      '{ runs(first: 500) { edges { node { parameters { extraVarsJson } } } } }',
      '{ runs(first: 500) { edges { node { parameters { limit } } } } }',
      `{ runs(first: 1) { edges { node { parameters { ${repeat(40, (n) => `a${n}: extraVarsJson`)} } } } } }`,
      `{ runs(first: 1) { edges { node { parameters { ${repeat(40, (n) => `a${n}: extraVars`)} } } } } }`,
      '{ schedules(first: 500) { edges { node { id name } } } }',
      '{ schedules(first: 500) { edges { node { parameters { extraVarsJson } } } } }',
    ].map((query) => ({
      title: query.slice(0, 60),
      run: async ({ api }: TestServer) => (await told(api.request(query))).slice(0, 30_000),
    })),
  ],
};

const STORE_RUNS = `
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
  INSERT INTO runs (id, playbook, status, "trigger", schedule_id, queued_at, finished_at, exit_code)
  SELECT 'run-' || i, 'hello.yaml', 'succeeded', 'manual', 'a-schedule', 1000 * i, 1000 * i, 0 FROM n
`;
const FILTERS = [
  'status: [SUCCEEDED], playbook: "hello.yaml"',
  'status: [SUCCEEDED, FAILED], playbook: "hello.yaml"',
  'status: [FAILED, LOST], playbook: "hello.yaml"',
  `status: [SUCCEEDED, LOST], scheduleId: "${Buffer.from('Schedule:a-schedule').toString('base64')}"`,
];

const COUNTS: Attack = {
  title: 'counts of 50,000 runs',
  strangers: 0,
  steps: [
    {
      title: 'store them',
      async run({ dataDir }) {
        const database = new Database(join(dataDir, 'sible.sqlite'));
        database.exec(STORE_RUNS);
        database.close();
        return '';
      },
    },
    ...[
      ...FILTERS.map((filter) =>
        repeat(30, (n) => `a${n}: runs(first: 1, filter: { ${filter} }) { totalCount }`),
      ),
      repeat(
        30,
        (n) => `a${n}: runs(first: 1, filter: { ${FILTERS[0]}, scheduleId: "${n}" }) { totalCount }`,
      ),
      repeat(30, (n) => `a${n}: runs(first: 1, filter: { playbook: "${n}" }) { totalCount }`),
      repeat(30, (n) => `a${n}: schedules(first: 1, filter: { search: "${n}" }) { totalCount }`),
    ].map((fields) => ({
      title: fields.slice(4, 90),
      run: ({ api }: TestServer) => told(api.request(`{ ${fields} }`)),
    })),
  ],
};

export const ATTACKS: readonly Attack[] = [
  ...OPERATIONS_EACH_WAY,
  MANY_OPERATIONS,
  JSON_BODIES,
  PIPELINES,
  ...FLOODS_OF_STRANGERS,
  ...FLOODS_OF_HOLDERS,
  ...ALL_PLAYBOOKS,
  UNREAD_ANSWERS,
  PARAMETERS,
  COUNTS,
  NEVER_THE_SAME,
];
