import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Actor } from '../../../server/domain/actor.ts';
import type { Services } from '../../../server/graphql/context.ts';
import type { HttpServer } from '../../../server/http/http-server.ts';
import type { CreateSchedule } from '../../../server/services/schedules/schedule-input.ts';
import { makeSchedule } from '../../support/make.ts';
import { openHttpServer } from '../../support/open-http-server.ts';

/** Extra variables reach the services as they were typed, over each transport. */

const made: CreateSchedule[] = [];
let server: HttpServer;
let url: string;

beforeAll(async () => {
  const create = async (_actor: Actor, input: CreateSchedule) => {
    made.push(input);
    return makeSchedule();
  };
  const services = { schedules: { create } } as unknown as Services;
  server = await openHttpServer(services, (error) => expect(error).toBeNull());
  url = await server.listen('127.0.0.1', 0);
});
afterAll(() => server.close());

async function post(path: string, body: string, accept = 'application/json'): Promise<string> {
  const headers = { accept, 'content-type': 'application/json' };
  const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body });
  return answer.text();
}

function overSocket(payload: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data) => {
      if (String(data).includes('connection_ack'))
        socket.send(`{"id":"1","type":"subscribe","payload":${payload}}`);
      else {
        resolve(String(data));
        socket.close();
      }
    });
    socket.on('close', (code, reason) => resolve(`${code} ${reason}`));
    socket.on('error', reject);
  });
}

const INPUT = (extraVars: string) =>
  `{"playbook":"a.yaml","timing":{"cron":"* * * * *"},"parameters":{"extraVars":${extraVars}}}`;
const request = (type: string, argument: string, variables: string) =>
  JSON.stringify({
    query: `mutation($v: ${type}!) { createSchedule(input: ${argument}) { __typename } }`,
  }).replace(/\}$/, `,"variables":${variables}}`);
const wholeInput = (vars: string) => request('CreateScheduleInput', '$v', `{"v":${INPUT(vars)}}`);
const varsAlone = (vars: string) =>
  request(
    'JSONObject',
    '{playbook: "a.yaml", timing: {cron: "* * * * *"}, parameters: {extraVars: $v}}',
    `{"v":${vars}}`,
  );

const SEND: Readonly<Record<string, (vars: string) => Promise<string>>> = {
  'POST /graphql': (vars) => post('/graphql', wholeInput(vars)),
  'a byte order mark': (vars) => post('/graphql', `\ufeff${wholeInput(vars)}`),
  'a variable for the object alone': (vars) => post('/graphql', varsAlone(vars)),
  'server-sent events': (vars) => post('/graphql', varsAlone(vars), 'text/event-stream'),
  WebSocket: (vars) => overSocket(wholeInput(vars)),
  'WebSocket, the object alone': (vars) => overSocket(varsAlone(vars)),
  'POST /schedule': (vars) =>
    post('/schedule', `{"playbook":"a.yaml","cron":"* * * * *","parameters":{"extraVars":${vars}}}`),
};

const TYPED = [
  '{"x":1.0}',
  '{"x":[0.1234567890123456789,1e-400,1e400,{"y":123456789.12345678901}]}',
  '{"x":-0.0,"y":-0,"z":1E3,"w":1.50,"v":123456789012345678901234567890}',
  '{"x":9007199254740993}',
  '{"x":{"10":"a","9":"b"}}',
  '{"x":{"a":1,"a":2}}',
  '{"x":1.0,"x":{"y":[2.0]}}',
  String.raw`{"x":"\"1.0\" \\","y":"{{ z }}","z":[],"w":{}}`,
];

it.each(Object.entries(SEND))('over %s', async (_transport, send) => {
  for (const typed of TYPED) {
    made.length = 0;
    const answer = await send(typed);
    expect(answer).not.toMatch(/"errors?"/);
    expect(made.map(({ parameters }) => parameters?.extraVarsJson)).toEqual([typed]);
  }
});

it('of equal keys around the variables the last counts, with its own numbers', async () => {
  made.length = 0;
  const variables = `{"v":${INPUT('{"x":1.0}')},"v":${INPUT('{"x":2}')}}`;
  await post('/graphql', request('CreateScheduleInput', '$v', variables));
  expect(made[0]?.parameters?.extraVarsJson).toBe('{"x":2}');
});

it.each([['[1.0]'], ['"{}"'], ['1.0']])('%s is no object', async (typed) => {
  made.length = 0;
  for (const send of Object.values(SEND)) expect(await send(typed)).toMatch(/expected an? (JSON )?object/i);
  expect(made).toEqual([]);
});
