import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Actor } from '../../../server/domain/actor.ts';
import type { Services } from '../../../server/graphql/context.ts';
import type { HttpServer } from '../../../server/http/http-server.ts';
import { pageOf } from '../../support/graphql-api.ts';
import { makeSchedule } from '../../support/make.ts';
import { openHttpServer } from '../../support/open-http-server.ts';

/** Every use case is told who asks, over each transport. */

const KEY = 'a-key-of-this-test';
const CREATE = `mutation {
  createSchedule(input: { playbook: "a.yaml", timing: { cron: "* * * * *" } }) { __typename }
}`;
const LIST = '{ schedules { totalCount edges { node { lastRun { id } } } } }';
const WATCH = 'subscription { scheduleChanged { __typename } }';

let asked: [string, Actor][];
let server: HttpServer;
let url: string;

/** Services on which any method may be called, each time noting the actor. */
function notingServices(): Services {
  const answers: Readonly<Record<string, unknown>> = {
    list: pageOf([makeSchedule()]),
    create: makeSchedule(),
    count: 1,
    lastOfSchedules: new Map(),
  };
  const service = (name: string) =>
    new Proxy(
      {},
      {
        get: (_target, method: string) => (actor: Actor) => {
          asked.push([`${name}.${method}`, actor]);
          return name === 'watch'
            ? (async function* () {
                yield { id: 'a', schedule: null };
              })()
            : Promise.resolve(answers[method] ?? null);
        },
      },
    );
  const names = ['schedules', 'runs', 'runLogs', 'playbooks', 'watch', 'system'];
  return Object.fromEntries(names.map((name) => [name, service(name)])) as unknown as Services;
}

async function open(key: string | null): Promise<void> {
  asked = [];
  server = await openHttpServer(notingServices(), (error) => expect(error).toBeNull(), key);
  url = await server.listen('127.0.0.1', 0);
}
afterEach(() => server.close());

function post(path: string, body: object, authorization = `Bearer ${KEY}`): Promise<Response> {
  const headers = { authorization, 'content-type': 'application/json', accept: 'application/json' };
  return fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

function overSocket(query: string, authorization: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const say = (message: object) => socket.send(JSON.stringify(message));
    socket.on('open', () => say({ type: 'connection_init', payload: { authorization } }));
    socket.on('message', (data) => {
      if (String(data).includes('connection_ack')) say({ id: '1', type: 'subscribe', payload: { query } });
      else {
        resolve(String(data));
        socket.close();
      }
    });
    socket.on('close', (code) => resolve(String(code)));
    socket.on('error', reject);
  });
}

const SEND: Readonly<Record<string, [expected: string[], send: (key: string) => Promise<unknown>]>> = {
  'a mutation': [['schedules.create'], (key) => post('/graphql', { query: CREATE }, key)],
  'a query and what it loads': [
    ['runs.lastOfSchedules', 'schedules.count', 'schedules.list'],
    (key) => post('/graphql', { query: LIST }, key),
  ],
  'an operation over WebSocket': [['schedules.create'], (key) => overSocket(CREATE, key)],
  'a subscription over WebSocket': [['watch.schedules'], (key) => overSocket(WATCH, key)],
  'POST /schedule': [
    ['schedules.create'],
    (key) => post('/schedule', { playbook: 'a.yaml', cron: '* * * * *' }, key),
  ],
};

describe('a server with a key', () => {
  beforeEach(() => open(KEY));

  it.each(Object.entries(SEND))('names the holder for %s', async (_, [expected, send]) => {
    await send(`Bearer ${KEY}`);
    expect(asked.map(([method]) => method).sort()).toEqual(expected);
    for (const [, actor] of asked) expect(actor).toEqual({ kind: 'keyHolder', address: '127.0.0.1' });
  });

  it.each(Object.entries(SEND))('lets nobody else do %s', async (_, [, send]) => {
    await send('Bearer another');
    expect(asked).toEqual([]);
  });
});

describe('a server without a key', () => {
  beforeEach(() => open(null));

  it.each(Object.entries(SEND))('names a guest for %s', async (_, [, send]) => {
    await send('');
    expect(asked.length).toBeGreaterThan(0);
    for (const [, actor] of asked) expect(actor).toEqual({ kind: 'guest', address: '127.0.0.1' });
  });
});
