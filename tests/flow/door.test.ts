import { request } from 'node:http';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createApiClient } from '../support/api-client.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

const TOKEN = 'a-token-for-tests-only';
const PLAYBOOKS = { 'hello.yaml': '- hosts: localhost\n' };

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** A request with exactly these headers: `fetch` would not send a Host of our choice. */
function send(
  url: string,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(path, url),
      { method: options.method ?? 'GET', headers: options.headers ?? {} },
      (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

/** Status of a refused upgrade, or the close code of a socket that was let in and sent `connection_init` with these parameters. */
function upgrade(url: string, headers: Record<string, string>, params: object = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', { headers });
    socket.on('unexpected-response', (_request, response) => resolve(`refused ${response.statusCode}`));
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: params })));
    socket.on('message', (data) => {
      resolve(JSON.parse(String(data)).type);
      socket.close();
    });
    socket.on('close', (code) => resolve(`closed ${code}`));
    socket.on('error', () => undefined);
  });
}

const json = { 'content-type': 'application/json' };
const query = JSON.stringify({ query: '{ system { version } }' });
const run = JSON.stringify({
  query: 'mutation { runPlaybook(input: { playbook: "hello.yaml" }) { __typename } }',
});

describeOnBothStorages('the door', (choose) => {
  it('refuses pages of others over HTTP, SSE and WebSocket, also without a key', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS },
      async ({ server: { url }, api }) => {
        const { host, port } = new URL(url);
        for (const origin of [
          'http://evil.example',
          'null',
          'http://127.0.0.1',
          `http://127.0.0.1.evil.example:${port}`,
          'file://',
        ]) {
          expect(
            (await send(url, '/graphql', { method: 'POST', headers: { ...json, origin }, body: run })).status,
          ).toBe(403);
          expect((await send(url, '/schedule', { headers: { origin } })).status).toBe(403);
          expect(
            (
              await send(url, '/graphql', {
                method: 'POST',
                headers: { ...json, origin, accept: 'text/event-stream' },
                body: query,
              })
            ).status,
          ).toBe(403);
          expect(await upgrade(url, { origin })).toBe('refused 403');
        }
        for (const name of ['evil.example', `evil.example:${port}`, 'a b']) {
          expect(
            (await send(url, '/graphql', { method: 'POST', headers: { ...json, host: name }, body: run }))
              .status,
          ).toBeGreaterThanOrEqual(400);
        }
        expect(await upgrade(url, { host: 'evil.example' })).toBe('refused 403');
        expect(
          (
            await send(url, '/graphql', {
              method: 'POST',
              headers: { ...json, 'sec-fetch-site': 'cross-site' },
              body: run,
            })
          ).status,
        ).toBe(403);

        expect(
          (
            await send(url, '/graphql', {
              method: 'POST',
              headers: { ...json, origin: `http://${host}` },
              body: query,
            })
          ).status,
        ).toBe(200);
        expect(
          (
            await send(url, '/graphql', {
              method: 'POST',
              headers: { ...json, host: `localhost:${port}` },
              body: query,
            })
          ).status,
        ).toBe(200);
        expect(await upgrade(url, { origin: `http://${host}` })).toBe('connection_ack');
        const { runs } = await api.request<{ runs: { totalCount: number } }>('{ runs { totalCount } }');
        expect(runs.totalCount).toBe(0);
      },
    ));

  it('takes JSON only, and no mutation by GET', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS },
      async ({ server: { url }, api }) => {
        for (const type of [
          'text/plain',
          'application/x-www-form-urlencoded',
          'multipart/form-data; boundary=x',
          'application/graphql',
        ]) {
          const answer = await send(url, '/graphql', {
            method: 'POST',
            headers: { 'content-type': type },
            body: run,
          });
          expect([type, answer.status]).toEqual([type, 415]);
        }
        const byGet = await send(
          url,
          `/graphql?query=${encodeURIComponent('mutation { runPlaybook(input: { playbook: "hello.yaml" }) { __typename } }')}`,
        );
        expect(byGet.status).toBe(405);
        const preflight = await send(url, '/graphql', {
          method: 'OPTIONS',
          headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
        });
        expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
        const { runs } = await api.request<{ runs: { totalCount: number } }>('{ runs { totalCount } }');
        expect(runs.totalCount).toBe(0);
      },
    ));

  it('asks for the key everywhere but at the probes, when there is one', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS, env: { SIBLE_ADMIN_TOKEN: TOKEN } },
      async ({ server: { url }, api }) => {
        for (const authorization of ['', 'Bearer wrong-token-of-16-and-more', `Basic ${TOKEN}`, TOKEN]) {
          const headers = authorization === '' ? {} : { authorization };
          expect(
            (await send(url, '/graphql', { method: 'POST', headers: { ...json, ...headers }, body: query }))
              .status,
          ).toBe(401);
          for (const path of ['/schedule', '/metrics', '/runs/x/log'])
            expect((await send(url, path, { headers })).status).toBe(401);
          expect(await upgrade(url, {}, headers)).toBe('closed 4403');
        }
        expect((await send(url, '/healthz')).status).toBe(200);
        expect((await send(url, '/readyz')).status).toBe(200);
        expect(
          (await send(url, '/metrics', { headers: { authorization: `Bearer ${TOKEN}` } })).body,
        ).toContain('sible_runs_active');
        expect(await upgrade(url, {}, { authorization: `Bearer ${TOKEN}` })).toBe('connection_ack');
        expect(await api.request('{ system { version } }')).toBeTruthy();
      },
    ));

  it('refuses documents that are too deep, too wide or too expensive, the same over HTTP and WebSocket', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS },
      async ({ server: { url } }) => {
        const api = createApiClient(url);
        const nested = (levels: number) =>
          `{ schedules(first: 1) { edges { node { ${'lastRun { schedule { '.repeat(levels)} id ${'} } '.repeat(levels)} } } } }`;
        const aliases = (count: number) =>
          `{ ${Array.from({ length: count }, (_, i) => `a${i}: system { version }`).join(' ')} }`;
        const wide =
          '{ schedules(first: 500) { edges { node { runs(first: 500) { edges { node { id } } } } } } }';
        const documents = [nested(10), aliases(100), wide, `{ system { ${'version '.repeat(5_000)} } }`];
        for (const document of documents) {
          await expect(api.request(document), document.slice(0, 60)).rejects.toThrow(/errors/);
          const first = api.overWebSocket(document).next();
          await expect(first, document.slice(0, 60)).rejects.toThrow();
        }
        for (const document of [nested(2), aliases(20)]) expect(await api.request(document)).toBeTruthy();
        await api.close();
      },
    ));

  it('tells internal errors by an id and not by their text', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS },
      async ({ server: { url } }) => {
        const answer = await send(url, '/graphql', { method: 'POST', headers: json, body: '{"query":' });
        expect(answer.status).toBe(400);
        expect(answer.body).not.toMatch(/node_modules|at \w+ \(/);
        // the server may close the connection before all of it was sent
        const huge = await send(url, '/graphql', {
          method: 'POST',
          headers: json,
          body: JSON.stringify({ query: 'x'.repeat(10_000_000) }),
        }).catch(() => ({ status: 413 }));
        expect(huge.status).toBe(413);
      },
    ));
});

describeOnBothStorages('the seed routes', (choose) => {
  it('schedule, list and unschedule', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS },
      async ({ server: { url } }) => {
        const post = (body: object) =>
          send(url, '/schedule', { method: 'POST', headers: json, body: JSON.stringify(body) });
        const made = await post({ playbook: 'hello.yaml', cron: '*/5 * * * *' });
        expect(made.status).toBe(201);
        const schedule = JSON.parse(made.body);
        expect(JSON.parse((await send(url, '/schedule')).body)).toEqual([schedule]);
        expect(Date.parse(schedule.nextRunAt)).toBeGreaterThan(Date.now());

        const bad = await post({ playbook: 'hello.yaml', cron: '0 25 * * *' });
        expect(bad.status).toBe(400);
        expect(JSON.parse(bad.body).error.issues).toEqual([
          { path: ['timing', 'cron'], message: expect.stringContaining('hour'), position: 2 },
        ]);
        expect((await post({ playbook: 'none.yaml', cron: '* * * * *' })).status).toBe(404);
        expect((await post({ playbook: '../etc/passwd', cron: '* * * * *' })).status).toBe(400);
        expect((await post({ playbook: 'hello.yaml' })).status).toBe(400);
        expect((await post({ playbook: 'hello.yaml', cron: '* * * * *', surprise: 1 })).status).toBe(400);

        expect((await send(url, `/schedule/${schedule.id}`, { method: 'DELETE' })).status).toBe(204);
        expect((await send(url, `/schedule/${schedule.id}`, { method: 'DELETE' })).status).toBe(404);
        expect(JSON.parse((await send(url, '/schedule')).body)).toEqual([]);
      },
    ));
});
