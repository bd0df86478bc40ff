import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerConsole } from '../../../server/http/console-files.ts';
import { type Answer, send } from '../../support/raw-http.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const SECRET = 'not for the web';
const PAGE = '<!doctype html><title>Sible</title>';
const SCRIPT = 'export const answer = 42;';

describe('the files of the console', () => {
  let folder: Awaited<ReturnType<typeof makeTempDir>>;
  let app: FastifyInstance;
  let url: string;
  let root: string;

  beforeAll(async () => {
    folder = await makeTempDir();
    root = join(folder.path, 'client');
    mkdirSync(join(root, 'assets/deep'), { recursive: true });
    writeFileSync(join(folder.path, 'secret.txt'), SECRET);
    writeFileSync(join(folder.path, 'client-other.txt'), SECRET);
    writeFileSync(join(root, '.env'), SECRET);
    writeFileSync(join(root, 'assets/.hidden.js'), SECRET);
    writeFileSync(join(root, 'index.html'), PAGE);
    writeFileSync(join(root, 'favicon.svg'), '<svg/>');
    writeFileSync(join(root, 'assets/app-1a2b.js'), SCRIPT);
    writeFileSync(join(root, 'assets/app-1a2b.css'), 'a{}');
    symlinkSync('/nonexistent', join(root, 'assets/broken.js'));
    app = Fastify();
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    });
    registerConsole(app, root, (_request, reply) => reply.code(404).send({ error: 'none' }));
    url = await app.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(async () => {
    await app.close();
    await folder.remove();
  });

  const html = { accept: 'text/html,*/*' };
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
    send(url, path, { headers, method });

  it('are sent with their type, and only those with a hash in their name may be kept', async () => {
    expect(await get('/assets/app-1a2b.js')).toMatchObject({
      status: 200,
      body: SCRIPT,
      headers: {
        'content-type': expect.stringMatching(/^text\/javascript/),
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
      },
    });
    expect((await get('/assets/app-1a2b.css?v=1')).headers['content-type']).toMatch(/^text\/css/);
    for (const path of ['/', '/index.html', '/favicon.svg', '/queue', '/playbooks/site/web.yaml'])
      expect([path, await get(path, html)]).toMatchObject([
        path,
        { status: 200, headers: { 'cache-control': 'no-store' } },
      ]);
  });

  it('are not the page in place of an asset that is missing', async () => {
    for (const path of [
      '/assets/app-0000.js',
      '/assets/',
      '/assets/deep',
      '/assets/deep/',
      '/assets/broken.js',
      '/assets/app-1a2b.js/',
    ]) {
      expect([path, await get(path, html)]).toMatchObject([
        path,
        { status: 404, headers: { 'cache-control': 'no-store' } },
      ]);
    }
  });

  it('are the page for who opens an address, not for what a page loads', async () => {
    expect((await get('/runs/x', { ...html, 'sec-fetch-mode': 'navigate' })).body).toBe(PAGE);
    expect((await get('/queue', {})).status).toBe(404);
    expect((await get('/queue', { ...html, 'sec-fetch-mode': 'cors' })).status).toBe(404);
    expect((await get('/none.png', html)).status).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await get('/', html, method)).status).toBe(404);
  });

  it('are answered to HEAD without a body, and in the part that was asked for', async () => {
    expect(await get('/assets/app-1a2b.js', {}, 'HEAD')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': String(SCRIPT.length) },
    });
    expect(await get('/assets/app-1a2b.js', { range: 'bytes=0-5' })).toMatchObject({
      status: 206,
      body: 'export',
    });
    for (const range of ['bytes=5-2', 'bytes=-0', 'bytes=x-', 'lines=1-2', 'bytes=0-1,3-4'])
      expect([range, (await get('/assets/app-1a2b.js', { range })).body]).toEqual([
        range,
        expect.stringMatching(/^(export const answer = 42;)?$/),
      ]);
    expect((await get('/assets/app-1a2b.js', { range: 'bytes=900-' })).status).toBe(416);
    const { headers } = await get('/assets/app-1a2b.js');
    expect(await get('/assets/app-1a2b.js', { 'if-none-match': String(headers.etag) })).toMatchObject({
      status: 304,
      body: '',
    });
  });

  it('lead nowhere else', async () => {
    for (const path of [
      '/../secret.txt',
      '/assets/../../secret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '/assets/%2e%2e/%2e%2e/secret.txt',
      '/assets/..%5c..%5csecret.txt',
      '/assets/%2e%2e%2f%2e%2e%2fclient-other.txt',
      '/..%2fclient-other.txt',
      '//etc/passwd',
      '/%2fetc%2fpasswd',
      '/.env',
      '/assets/.hidden.js',
      '/assets/%2ehidden.js',
      '/assets/app-1a2b.js%00.css',
      '/assets/%',
      '/assets/%ff',
      '/assets/%c0%ae%c0%ae/secret.txt',
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const { status, body } = await rawly(path, method);
        expect([path, method, status]).toEqual([path, method, expect.toSatisfy((code) => code >= 400)]);
        expect(body).not.toContain(SECRET);
        expect(body).not.toContain(folder.path);
      }
    }
  });

  it('may be built anew while they are served', async () => {
    const path = join(root, 'assets/gone-1.js');
    writeFileSync(path, SCRIPT);
    expect((await get('/assets/gone-1.js')).status).toBe(200);
    rmSync(path);
    expect((await get('/assets/gone-1.js')).status).toBe(404);
    writeFileSync(join(root, 'assets/new-2.js'), SCRIPT);
    expect((await get('/assets/new-2.js')).status).toBe(200);
  });

  /** `send` would make the path canonical. */
  async function rawly(path: string, method: string): Promise<Answer> {
    const { request } = await import('node:http');
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const outgoing = request({ hostname, port, path, method }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: {}, body }));
      });
      outgoing.on('error', reject).end();
    });
  }
});
