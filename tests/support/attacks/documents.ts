import { send } from '../raw-http.ts';
import { connect } from '../raw-socket.ts';
import { WAYS } from '../ways.ts';
import { ATTACKS_TOKEN, type Attack, repeat, told } from './attack.ts';

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

export const OPERATIONS_EACH_WAY: readonly Attack[] = WAYS.map(([way, ask]) => ({
  title: `operations over ${way}`,
  strangers: 0,
  steps: OPERATIONS.map(([title, query, variables]) => ({
    title,
    run: ({ api }) => told(ask(api, query, { ...variables })),
  })),
}));

export const MANY_OPERATIONS: Attack = {
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
export const JSON_BODIES: Attack = {
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
