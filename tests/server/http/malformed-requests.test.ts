import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Services } from '../../../server/graphql/context.ts';
import type { HttpServer } from '../../../server/http/http-server.ts';
import { openHttpServer } from '../../support/open-http-server.ts';

/** Requests that are none of GraphQL, over each transport. No service is reached. */

const internal: unknown[] = [];
let server: HttpServer;
let url: string;

beforeAll(async () => {
  server = await openHttpServer({} as Services, (error) => void internal.push(error));
  url = await server.listen('127.0.0.1', 0);
});
afterAll(() => server.close());

const ACCEPTED = ['application/json', 'application/graphql-response+json', 'text/event-stream', '*/*'];

interface Refused {
  readonly status: number;
  readonly message: string;
}

async function refusalOf(response: Response): Promise<Refused> {
  const text = await response.text();
  const data = /^data: (.+)$/m.exec(text)?.[1] ?? text;
  const { errors, error } = JSON.parse(data) as {
    errors?: { message: string; extensions: { code: string } }[];
    error?: { message: string; code: string };
  };
  const [first = { message: '', extensions: { code: '' } }] = errors ?? [];
  expect(error?.code ?? first.extensions.code).toMatch(/^(BAD_REQUEST|OPERATION_RESOLUTION_FAILURE)$/);
  return { status: response.status, message: error?.message ?? first.message };
}

const post = async (accept: string, body: string | Uint8Array | null, headers: Record<string, string> = {}) =>
  refusalOf(
    await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { accept, ...(body === null ? {} : { 'content-type': 'application/json' }), ...headers },
      body: (body as RequestInit['body']) ?? null,
    }),
  );

/** What a socket is told that subscribes with this payload: an error, or why it is closed. */
function subscribe(payload: string): Promise<string> {
  return say(`{"type":"subscribe","id":"1","payload":${payload}}`);
}

function say(message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data));
      if (type === 'connection_ack') socket.send(message);
      else {
        resolve(`${type} ${type === 'error' ? payload[0].message : JSON.stringify(payload)}`);
        socket.close();
      }
    });
    socket.on('close', (code, reason) => resolve(`${code} ${reason}`));
    socket.on('error', reject);
  });
}

const DOCUMENT = '{ __typename }';
const withQuery = (rest: object) => JSON.stringify({ query: DOCUMENT, ...rest });
const OBJECT = 'expected a JSON object with a "query".';
const TEXT = 'expected the text of a GraphQL document.';

/** The request, and what is wrong with it. */
const MALFORMED: readonly [string, string][] = [
  ['[]', 'The request is a list; expected one JSON object: requests are not batched.'],
  [`[${withQuery({})}]`, 'The request is a list; expected one JSON object: requests are not batched.'],
  ['"x"', `The request is "x"; ${OBJECT}`],
  ['""', `The request is ""; ${OBJECT}`],
  ['1', `The request is 1; ${OBJECT}`],
  ['0', `The request is 0; ${OBJECT}`],
  ['true', `The request is true; ${OBJECT}`],
  ['null', `The request is null; ${OBJECT}`],
  ['{}', `The request has no "query"; ${TEXT}`],
  ['{"query":null}', `The request has no "query"; ${TEXT}`],
  ['{"query":""}', `"query" is ""; ${TEXT}`],
  ['{"query":1}', `"query" is 1; ${TEXT}`],
  ['{"query":false}', `"query" is false; ${TEXT}`],
  ['{"query":["{ a }"]}', `"query" is a list; ${TEXT}`],
  ['{"query":{}}', `"query" is an object; ${TEXT}`],
  ...['operationName', 'variables', 'extensions'].flatMap((name): [string, string][] => {
    const expected = name === 'operationName' ? 'a text or null' : 'an object or null';
    const wrong: [unknown, string][] = [
      [1, '1'],
      [0, '0'],
      [false, 'false'],
      [[], 'a list'],
      name === 'operationName' ? [{}, 'an object'] : ['{}', '"{}"'],
    ];
    return wrong.map(([value, shown]) => [
      withQuery({ [name]: value }),
      `"${name}" is ${shown}; expected ${expected}.`,
    ]);
  }),
];

it.each(MALFORMED)('%s is refused with what is wrong with it', async (body, message) => {
  for (const accept of ACCEPTED)
    expect([accept, await post(accept, body)]).toEqual([accept, { status: 400, message }]);
  // to the protocol an empty text is a text
  expect(await subscribe(body)).toBe(`${body === '{"query":""}' ? 'error' : '4400'} ${message}`);
  expect(internal).toEqual([]);
});

const OPERATIONS: readonly [string, string][] = [
  [withQuery({ operationName: 'A' }), 'The document has no operation named "A".'],
  [withQuery({ operationName: '' }), 'The document has no operation named "".'],
  [
    '{"query":"query A { __typename } query B { __typename }"}',
    'The document has 2 operations; expected "operationName" to name one.',
  ],
  ['{"query":"fragment F on Query { __typename }"}', 'The document has no operation.'],
];

it.each(OPERATIONS)('%s is told which operation is missing', async (body, message) => {
  for (const accept of ACCEPTED)
    expect([accept, await post(accept, body)]).toEqual([accept, { status: 400, message }]);
  expect(await subscribe(body)).toBe(`error ${message}`);
});

const LATIN_1 = Buffer.from('{"query":"{ __typename } # \xe9"}', 'latin1');
const BODIES: readonly [string, string | Uint8Array | null, Record<string, string>, RegExp][] = [
  ['none', null, {}, /^The request has no body; expected a JSON object with a "query"\.$/],
  ['an empty one', '', {}, /^The request has no body; expected JSON\.$/],
  ['a blank one', ' \n', {}, /^The body is not valid JSON: Unexpected end/],
  ['half an object', '{"query":"{ a }"', {}, /^The body is not valid JSON: Expected ',' or '}'/],
  ['a word', 'query', {}, /^The body is not valid JSON: Unexpected token 'q'/],
  ['one in Latin-1', LATIN_1, {}, /^The body is not valid UTF-8\.$/],
  ['a cut character', LATIN_1.subarray(0, -2), {}, /^The body is not valid UTF-8\.$/],
  ['one in UTF-16 with a mark', Buffer.from('\ufeff{}', 'utf16le'), {}, /^The body is not valid UTF-8\.$/],
  ['one in UTF-16', Buffer.from('{}', 'utf16le'), {}, /^The body is not valid JSON: /],
  [
    'a compressed one',
    Buffer.from([0x1f, 0x8b]),
    { 'content-encoding': 'gzip' },
    /^The body has the content-encoding "gzip"; expected none\.$/,
  ],
  [
    'a prototype',
    `{"query":"{ __typename }","variables":{"__proto__":{}}}`,
    {},
    /^The body has a key "__proto__" or "constructor", which is not accepted\.$/,
  ],
];

it.each(BODIES)('a body that is %s is refused as what it is', async (_title, body, headers, message) => {
  for (const accept of ACCEPTED)
    expect([accept, await post(accept, body, headers)]).toEqual([
      accept,
      { status: 400, message: expect.stringMatching(message) },
    ]);
  expect(internal).toEqual([]);
});

it('a plain route refuses such bodies as well', async () => {
  for (const [title, body, headers, message] of BODIES) {
    if (body === null) continue;
    const response = await fetch(`${url}/schedule`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: (body as RequestInit['body']) ?? null,
    });
    expect([title, await refusalOf(response)]).toEqual([
      title,
      { status: 400, message: expect.stringMatching(message) },
    ]);
  }
});

const QUERY = `query=${encodeURIComponent(DOCUMENT)}`;
const URLS: readonly [string, string | RegExp][] = [
  ['', `The request has no "query"; ${TEXT}`],
  ['query=', `The request has no "query"; ${TEXT}`],
  [`${QUERY}&${QUERY}`, '"query" is in the URL more than once.'],
  [`${QUERY}&variables=1`, '"variables" is 1; expected an object or null.'],
  [`${QUERY}&variables=[]`, '"variables" is a list; expected an object or null.'],
  [`${QUERY}&variables=[`, /^"variables" in the URL is not valid JSON: Unexpected end/],
  [`${QUERY}&variables={}&variables={}`, '"variables" is in the URL more than once.'],
  [
    `${QUERY}&variables={"a":${'['.repeat(120)}${']'.repeat(120)}}`,
    '"variables" in the URL: The JSON is nested more than 100 deep.',
  ],
  [`${QUERY}&extensions=x`, /^"extensions" in the URL is not valid JSON: Unexpected token/],
  [`${QUERY}&extensions="x"`, '"extensions" is "x"; expected an object or null.'],
  [`${QUERY}&operationName=A`, 'The document has no operation named "A".'],
];

it.each(URLS)('GET ?%s is refused with what is wrong with it', async (query, message) => {
  for (const accept of ACCEPTED) {
    const refused = await refusalOf(await fetch(`${url}/graphql?${query}`, { headers: { accept } }));
    expect([accept, refused]).toEqual([
      accept,
      { status: 400, message: typeof message === 'string' ? message : expect.stringMatching(message) },
    ]);
  }
  expect(internal).toEqual([]);
});

it.each([
  ['', '4400 The message is not valid JSON.'],
  ['{', '4400 The message is not valid JSON.'],
  ['[]', '4400 The message is a list; expected an object with a "type".'],
  ['null', '4400 The message is null; expected an object with a "type".'],
  ['{}', '4400 The message has no "type".'],
  ['{"type":1}', '4400 "type" is 1; expected a type of message of graphql-transport-ws.'],
  [
    '{"type":"start","id":"1"}',
    '4400 "type" is "start"; expected a type of message of graphql-transport-ws.',
  ],
  ['{"type":"subscribe","payload":{}}', '4400 The message has no "id".'],
  ['{"type":"subscribe","id":1}', '4400 "id" is 1; expected a text that is not empty.'],
  ['{"type":"subscribe","id":""}', '4400 "id" is ""; expected a text that is not empty.'],
  ['{"type":"subscribe","id":"1"}', '4400 The message has no "payload".'],
  ['{"type":"complete","id":[]}', '4400 "id" is a list; expected a text that is not empty.'],
  ['{"type":"ping","payload":1}', '4400 "payload" is 1; expected an object or null.'],
])('the message %s closes the socket with what is wrong with it', async (message, reason) => {
  expect(await say(message)).toBe(reason);
});

it('a long value is shown in part, within what a socket may be told', async () => {
  for (const value of ['x'.repeat(5_000), '漢'.repeat(5_000), '😀'.repeat(5_000)]) {
    const { status, message } = await post('application/json', withQuery({ variables: value }));
    expect([status, message.length < 200]).toEqual([400, true]);
    expect(await subscribe(withQuery({ variables: value }))).toMatch(/^4400 "variables" is "(x|漢|😀)+…/u);
  }
});

it('what is well-formed is answered, over each of them', async () => {
  const body = withQuery({ operationName: null, variables: null, extensions: {} });
  for (const accept of ACCEPTED) {
    for (const response of [
      await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json; charset=utf-8' },
        body: `\ufeff${body}`,
      }),
      await fetch(`${url}/graphql?${QUERY}&variables={}&operationName=&extensions=`, { headers: { accept } }),
    ]) {
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('{"data":{"__typename":"Query"}}');
    }
  }
  expect(await subscribe(body)).toBe('next {"data":{"__typename":"Query"}}');
});
