import { join } from 'node:path';
import Database from 'libsql';
import { MUTATIONS } from '../mutations.ts';
import { WAYS } from '../ways.ts';
import type { TestServer } from '../with-server.ts';
import { ATTACKS_TOKEN, type Attack, repeat, told } from './attack.ts';
import { hostOf, rawConnection } from './floods.ts';

const MIB = 1_048_576;
const LONG_PLAYBOOKS = Object.fromEntries(
  Array.from({ length: 60 }, (_, n) => [`p${n}.yaml`, `- hosts: localhost\n#€${'x'.repeat(MIB - 100)}\n`]),
);

export const ALL_PLAYBOOKS: readonly Attack[] = WAYS.map(([way, ask]) => ({
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

export const UNREAD_ANSWERS: Attack = {
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

export const NEVER_THE_SAME: Attack = {
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

export const PARAMETERS: Attack = {
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

export const COUNTS: Attack = {
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
