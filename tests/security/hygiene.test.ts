import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { exchange, send, upgrade } from '../support/raw-http.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import type { TestServer, TestServerOptions } from '../support/with-server.ts';

const KEY = 'a-key-for-tests-only';
const API_PATHS = [
  '/graphql?query=%7Bsystem%7Bversion%7D%7D',
  '/schedule',
  '/metrics',
  '/schema.graphql',
  '/runs/x/log',
  '/healthz',
  '/readyz',
];
const PAGES = ['/', '/queue', '/playbooks/site/web.yaml', '/runs/x'];
const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const authorization = `Bearer ${KEY}`;
/** Nothing here reaches the storage. */
const OPTIONS: TestServerOptions = {
  storage: SQLITE,
  ansible: 'scripted',
  env: { SIBLE_ADMIN_TOKEN: KEY },
};
const sharedServer = useServer(OPTIONS);
const withKey = (work: (test: TestServer) => Promise<void>) => work(sharedServer());

describe('what a browser sends', () => {
  it('is refused when another site makes it do so, by whatever method', () =>
    withKey(async ({ server: { url } }) => {
      for (const site of ['cross-site', 'same-site', 'cross-site, none', '']) {
        const foreign = { 'sec-fetch-site': site };
        const ways = [
          foreign,
          { ...foreign, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
          { ...foreign, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
        ];
        for (const way of ways) {
          for (const path of [...API_PATHS, ...PAGES, '/favicon.svg', '/none']) {
            const { status } = await send(url, path, { headers: { ...html, authorization, ...way } });
            expect([path, way, status]).toEqual([path, way, 403]);
          }
          expect(await upgrade(url, way)).toBe('refused 403');
        }
        const opened = { ...foreign, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
        for (const path of API_PATHS) {
          const { status } = await send(url, path, { headers: { ...html, authorization, ...opened } });
          expect([path, status]).toEqual([path, 403]);
        }
        const posted = await send(url, '/queue', { method: 'POST', headers: { ...html, ...opened } });
        expect(posted.status).toBe(403);
      }
    }));

  it('is answered when its user opens a page, by hand or by a link on another site', () =>
    withKey(async ({ server: { url } }) => {
      for (const site of ['none', 'same-origin', 'same-site', 'cross-site']) {
        const opened = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
        for (const path of PAGES) {
          const { status, body } = await send(url, path, { headers: { ...html, ...opened } });
          expect([site, path, status]).toEqual([site, path, 200]);
          expect(body).toContain('<div id="root">');
        }
      }
      const own = { authorization, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
      expect((await send(url, '/schedule', { headers: own })).status).toBe(200);
    }));

  it('is kept in no cache, but for files whose names change with their content', () =>
    withKey(async ({ server: { url } }) => {
      const cacheOf = async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
        (await send(url, path, { headers, method })).headers['cache-control'];
      for (const path of [...API_PATHS, ...PAGES, '/favicon.svg', '/index.html', '/assets/none.js', '/%'])
        for (const headers of [{ ...html }, { ...html, authorization }, { 'sec-fetch-site': 'cross-site' }])
          for (const method of ['GET', 'HEAD', 'POST', 'DELETE'])
            expect([path, method, await cacheOf(path, headers, method)]).toEqual([path, method, 'no-store']);
      const stream = await send(url, '/graphql', {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', accept: 'text/event-stream' },
        body: '{"query":"{ system { version } }"}',
      });
      expect(stream).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
      for (const unreadable of [
        'NONSENSE\r\n\r\n',
        'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
        'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok\r\n\r\n',
        'GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
        'POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
        `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
      ])
        expect(await exchange(url, unreadable)).toMatch(
          /^HTTP\/1.1 4\d\d .*\r\n[\s\S]*cache-control: no-store\r\n/i,
        );

      const page = (await send(url, '/', { headers: html })).body;
      const [asset = ''] = /\/assets\/[\w-]+\.js/.exec(page) ?? [];
      expect(await cacheOf(asset)).toBe('public, max-age=31536000, immutable');
      expect(readFileSync(`dist/client${asset}`, 'utf8')).toBe((await send(url, asset)).body);
    }));

  it('is answered with 405 where the method is not one of the endpoint', () =>
    withKey(async ({ server: { url } }) => {
      for (const method of ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const answer = await send(url, '/graphql', { method, headers: { authorization } });
        expect([method, answer]).toMatchObject([method, { status: 405, headers: { allow: 'GET, POST' } }]);
      }
      const { status } = await send(url, '/graphql?query=%7Bsystem%7Bversion%7D%7D', {
        method: 'HEAD',
        headers: { authorization },
      });
      expect(status).toBe(405);
    }));
});

describe('a request that can be read in two ways', () => {
  const statusOf = (answer: string) => /^HTTP\/1.1 (\d+)/.exec(answer)?.[1];

  const AMBIGUOUS: readonly (readonly [string, readonly string[]])[] = [
    ['two Host headers', ['Host: HOST', 'Host: evil.example']],
    ['two Host headers the other way round', ['Host: evil.example', 'host: HOST']],
    ['the same Host header twice', ['Host: HOST', 'Host: HOST']],
    ['two Origin headers', ['Host: HOST', 'Origin: http://HOST', 'Origin: http://evil.example']],
    ['two keys', ['Host: HOST', `Authorization: ${authorization}`, 'Authorization: Bearer none']],
    ['two sites', ['Host: HOST', 'Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site']],
    ['no Host header', []],
    ['an empty Host header', ['Host:']],
    ['a Host header with more in it', ['Host: HOST, evil.example']],
    ['a Host header with a user', ['Host: evil.example@HOST']],
    ['a Host header with a path', ['Host: HOST/evil.example']],
  ];

  it('is refused, whatever it asks for', () =>
    withKey(async ({ server: { url } }) => {
      const { host } = new URL(url);
      for (const [what, lines] of AMBIGUOUS) {
        const head = (extra: string[]) => [...lines, ...extra, '', ''].join('\r\n').replaceAll('HOST', host);
        for (const target of ['/queue', '/schedule', '/healthz', '/graphql']) {
          const answer = await exchange(url, `GET ${target} HTTP/1.1\r\n${head(['Connection: close'])}`);
          expect([what, target, statusOf(answer)]).toEqual([what, target, '400']);
        }
        const handshake = [
          'Connection: Upgrade',
          'Upgrade: websocket',
          'Sec-WebSocket-Version: 13',
          'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
          'Sec-WebSocket-Protocol: graphql-transport-ws',
        ];
        const refused = await exchange(url, `GET /graphql HTTP/1.1\r\n${head(handshake)}`);
        expect([what, statusOf(refused)]).toEqual([what, '400']);
      }
    }));

  it('is refused: an address in place of a path', () =>
    withKey(async ({ server: { url } }) => {
      const { host } = new URL(url);
      for (const target of [`http://${host}/healthz`, 'http://evil.example/healthz', 'healthz', '*', '?x']) {
        const answer = await exchange(
          url,
          `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        );
        expect([target, statusOf(answer)]).toEqual([target, '400']);
      }
    }));
});

describe('a body that nobody asked for', () => {
  // strangers were refused so often on the shared one that they are answered 429 by now
  const freshServer = useServer(OPTIONS);
  const onFresh = (work: (test: TestServer) => Promise<void>) => work(freshServer());

  const POST = (host: string, path: string, lines: string[]) =>
    ['POST PATH HTTP/1.1', 'Host: HOST', 'Content-Type: application/json', ...lines, '', '']
      .join('\r\n')
      .replace('PATH', path)
      .replace('HOST', host);

  const BODIES: readonly (readonly [string, readonly string[]])[] = [
    ['of a length that is told', ['Content-Length: 3000000']],
    ['in pieces', ['Transfer-Encoding: chunked']],
    ['that waits to be asked for', ['Content-Length: 3000000', 'Expect: 100-continue']],
    ['in pieces that wait to be asked for', ['Transfer-Encoding: chunked', 'Expect: 100-continue']],
    ['of no known type', ['Content-Length: 3000000', 'Content-Encoding: br']],
  ];

  it('is not read before 401, 403 and 404 are answered', () =>
    onFresh(async ({ server: { url } }) => {
      const { host } = new URL(url);
      for (const [what, lines] of BODIES) {
        for (const [path, extra, status] of [
          ['/graphql', [], 401],
          ['/schedule', [], 401],
          ['/none', [], 404],
          ['/healthz', [], 404],
          ['/graphql', ['Origin: http://evil.example'], 403],
        ] as const) {
          // not one byte of the body is sent, and the connection is ended by the server
          const answer = await exchange(url, POST(host, path, [...lines, ...extra]));
          expect([what, path, answer]).toEqual([
            what,
            path,
            expect.stringMatching(new RegExp(`^HTTP/1.1 ${status} `)),
          ]);
          expect(answer).toMatch(/connection: close/i);
          expect(answer).not.toContain('100 Continue');
        }
      }
    }));

  it('does not keep the answer from arriving while it is still being sent', () =>
    onFresh(async ({ server: { url } }) => {
      const body = Buffer.alloc(20_000_000, 'x');
      for (const chunked of [false, true]) {
        const status = await new Promise((resolve, reject) => {
          const outgoing = request(
            new URL('/graphql', url),
            {
              method: 'POST',
              headers: {
                'content-type': 'application/json',
                ...(chunked ? {} : { 'content-length': body.length }),
              },
            },
            (response) => {
              resolve(response.statusCode);
              response.resume();
            },
          );
          outgoing.on('error', reject);
          outgoing.write(body);
        });
        expect(status).toBe(401);
      }
    }));

  it('is asked for when the key is right', () =>
    onFresh(async ({ server: { url } }) => {
      const { host } = new URL(url);
      const lines = [`Authorization: ${authorization}`, 'Content-Length: 2', 'Expect: 100-continue'];
      const answer = await exchange(url, POST(host, '/schedule', lines), (text) => text.includes('\r\n\r\n'));
      expect(answer).toMatch(/^HTTP\/1.1 100 Continue/);
    }));
});
