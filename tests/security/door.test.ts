import { describe, expect, it } from 'vitest';
import { runPlaybook } from '../support/operations.ts';
import { send, upgrade } from '../support/raw-http.ts';
import { connect, subscribe } from '../support/raw-socket.ts';
import { type Operation, ROOT_OPERATIONS } from '../support/root-fields.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import type { TestServer } from '../support/with-server.ts';

const TOKEN = 'a-token-for-tests-only';
const PLAYBOOKS = { 'hello.yaml': '- hosts: localhost\n' };

const json = { 'content-type': 'application/json' };
const query = JSON.stringify({ query: '{ system { version } }' });
const run = JSON.stringify({
  query: 'mutation { runPlaybook(input: { playbook: "hello.yaml" }) { __typename } }',
});

const onServer = (server: () => TestServer, work: (test: TestServer) => Promise<void>) => work(server());

/** Whom it lets in is decided before anything is asked of the storage, so on one of them. */
describe('the door', () => {
  const openServer = useServer({ storage: SQLITE, ansible: 'scripted', playbooks: PLAYBOOKS });
  const keyedServer = useServer({
    storage: SQLITE,
    ansible: 'scripted',
    playbooks: PLAYBOOKS,
    env: { SIBLE_ADMIN_TOKEN: TOKEN },
  });

  it('refuses pages of others over HTTP, SSE and WebSocket, also without a key', () =>
    onServer(openServer, async ({ server: { url }, api }) => {
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
    }));

  it('takes JSON only, and no mutation by GET', () =>
    onServer(openServer, async ({ server: { url }, api }) => {
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
    }));

  it('asks for the key everywhere but at the probes, when there is one', () =>
    onServer(keyedServer, async ({ server: { url }, api }) => {
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
      expect((await send(url, '/metrics', { headers: { authorization: `Bearer ${TOKEN}` } })).body).toContain(
        'sible_runs_active',
      );
      expect(await upgrade(url, {}, { authorization: `Bearer ${TOKEN}` })).toBe('connection_ack');
      expect(await api.request('{ system { version } }')).toBeTruthy();
    }));

  it('says no more of a thing that does not exist than of one that does, to those without the key', () =>
    onServer(keyedServer, async ({ server: { url }, api }) => {
      const id = await runPlaybook(api, 'hello.yaml');
      const answers = await Promise.all(
        [id, 'UnVuOm5vbmU=', '%00'].map((some) => send(url, `/runs/${some}/log`)),
      );
      expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(401);
    }));

  // the last: it is refused so often that strangers are answered 429 from then on
  it('tells nobody without the key anything, by any field of the API and by any way', () =>
    onServer(keyedServer, async ({ server: { url }, api }) => {
      const post = (operation: Operation, headers: Record<string, string>) =>
        send(url, '/graphql', {
          method: 'POST',
          headers: { ...json, ...headers },
          body: JSON.stringify({ query: operation.query, variables: operation.variables }),
        });
      const runsBefore = await api.request('{ runs { totalCount } }');
      expect(ROOT_OPERATIONS.length).toBeGreaterThan(15);
      for (const operation of ROOT_OPERATIONS) {
        for (const accept of ['application/json', 'text/event-stream']) {
          const { status, body } = await post(operation, { accept });
          // after sixty of them a minute, strangers are not even asked for the key any more
          expect([operation.name, [401, 429].includes(status)]).toEqual([operation.name, true]);
          expect(body).not.toContain('"data"');
        }
        const socket = connect(url, false);
        await socket.opened();
        socket.send(subscribe('1', operation.query, operation.variables));
        expect([operation.name, await socket.closed(), socket.messages]).toEqual([operation.name, 4401, []]);
      }
      // with the key each of them is a document that is answered: none was refused for being wrong
      for (const operation of ROOT_OPERATIONS.filter(({ kind }) => kind !== 'subscription')) {
        const { status, body } = await post(operation, { authorization: `Bearer ${TOKEN}` });
        expect([operation.name, status, /GRAPHQL_|UNAUTHORIZED|FORBIDDEN/.test(body)]).toEqual([
          operation.name,
          200,
          false,
        ]);
      }
      expect(await api.request('{ runs { totalCount } }')).toEqual(runsBefore);
    }));
});
