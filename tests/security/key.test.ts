import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runPlaybook, waitForEnd } from '../support/operations.ts';
import { send, upgrade } from '../support/raw-http.ts';
import { describeOnBothStorages, SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

const KEY = 'a-key-for-tests-only/with%strange#characters';
const PLAYBOOKS = { 'hello.yaml': '# print hello\n- hosts: localhost\n' };
const BY_HAND = { SIBLE_OPEN: '', npm_lifecycle_event: 'start' };
const keyIn = (address: string) => decodeURIComponent(/#key=(.*)$/.exec(address)?.[1] ?? '');

it('a server that was given no key makes one, prints it for who starts it by hand, and keeps it', () =>
  withServer({ storage: SQLITE, ansible: 'scripted', playbooks: PLAYBOOKS, env: BY_HAND }, async (test) => {
    const { url, address } = test.server;
    const key = keyIn(address);
    const file = join(test.dataDir, 'admin.key');
    expect(address).toBe(`${url}/#key=${key}`);
    expect(readFileSync(file, 'utf8').trim()).toBe(key);
    expect(statSync(file).mode & 0o777).toBe(0o600);

    expect((await send(url, '/schedule')).status).toBe(401);
    expect(await upgrade(url, {})).toBe('closed 4403');
    const authorization = `Bearer ${key}`;
    expect((await send(url, '/schedule', { headers: { authorization } })).status).toBe(200);
    expect(await upgrade(url, {}, { authorization })).toBe('connection_ack');

    await test.server.kill();
    await test.restart();
    expect(keyIn(test.server.address)).toBe(key);
  }));

it('a service does not print its key into a log that others may read', () =>
  withServer(
    {
      storage: SQLITE,
      ansible: 'scripted',
      playbooks: PLAYBOOKS,
      env: { SIBLE_OPEN: '', SIBLE_LOG_LEVEL: 'trace' },
    },
    async ({ server, dataDir }) => {
      const file = join(dataDir, 'admin.key');
      const key = readFileSync(file, 'utf8').trim();
      await send(server.url, `/schedule?key=${key}`);
      await send(server.url, '/schedule', { headers: { authorization: `Bearer ${key}` } });
      expect(server.address).toBe(server.url);
      expect(server.output()).toContain(file);
      expect(server.output()).not.toContain(key);
    },
  ));

it('only a server that is told to be open asks for none', () =>
  withServer(
    { storage: SQLITE, ansible: 'scripted', env: { SIBLE_OPEN: '1' } },
    async ({ server, dataDir }) => {
      expect((await send(server.url, '/schedule')).status).toBe(200);
      expect(server.output()).toContain('It asks for no key');
      expect(readdirSync(dataDir)).not.toContain('admin.key');
    },
  ));

describeOnBothStorages('what a server was given in secret', (choose) => {
  it('is found in the environment and arguments of none of its processes', () => {
    const storage = choose();
    const secrets = [KEY, ...Object.values(storage.env)];
    return withServer(
      { storage, ansible: 'scripted', playbooks: PLAYBOOKS, env: { SIBLE_ADMIN_TOKEN: KEY } },
      async ({ server, api }) => {
        expect(await api.request('{ system { version } }')).toBeTruthy();
        await waitForEnd(() => api, await runPlaybook(api, 'hello.yaml'));
        const family = [server.pid, ...childrenOf(server.pid)];
        expect(family.length).toBeGreaterThan(1);
        for (const pid of family) {
          for (const found of [`/proc/${pid}/environ`, `/proc/${pid}/cmdline`].map(read))
            for (const secret of secrets) expect(found).not.toContain(secret);
        }
        expect(read(`/proc/${server.pid}/environ`)).toContain('SIBLE_ADMIN_TOKEN_FILE=/dev/fd/8');
        expect(server.output()).not.toContain(`in the environment of process ${server.pid} `);
      },
    );
  });
});

it('a secret that came through a pipe is not left open for others to read', () => {
  const module = new URL('../../server/config.ts', import.meta.url);
  const script = `const { readConfig } = await import(${JSON.stringify(module.href)});
    const { fstatSync } = await import('node:fs');
    fstatSync(8);
    const { adminToken } = readConfig(process.env);
    let isOpen = true;
    try { fstatSync(8); } catch { isOpen = false; }
    console.log(JSON.stringify({ adminToken, isOpen }));`;
  const command = 'exec 8<<EOF\n$KEY\nEOF\nunset KEY; node --import tsx --input-type=module -e "$SCRIPT"';
  expect(runShell(command, { SCRIPT: script, KEY, SIBLE_ADMIN_TOKEN_FILE: '/dev/fd/8' })).toEqual({
    adminToken: KEY,
    isOpen: false,
  });
});

it('whoever starts it from a program that keeps a secret where playbooks can read it is told', () => {
  const left = { SIBLE_ADMIN_TOKEN: KEY };
  expect(exposedTo(left)).toEqual([{ name: 'SIBLE_ADMIN_TOKEN', pid: expect.any(Number), program: 'sh' }]);
  expect(exposedTo({})).toEqual([]);
});

/** What a process finds whose parent, a shell, was started with these variables, and that was not itself. */
function exposedTo(env: Record<string, string>): unknown[] {
  const module = new URL('../../server/exposed-secrets.ts', import.meta.url);
  const script = `const { findExposedSecrets } = await import(${JSON.stringify(module.href)});
    console.log(JSON.stringify(findExposedSecrets(['SIBLE_ADMIN_TOKEN'])))`;
  const command = 'unset SIBLE_ADMIN_TOKEN; node --import tsx --input-type=module -e "$SCRIPT"; exit 0';
  return runShell(command, { SCRIPT: script, ...env }) as unknown[];
}

function runShell(command: string, env: Record<string, string>): unknown {
  const { PATH = '' } = process.env;
  return JSON.parse(String(execFileSync('sh', ['-c', command], { env: { PATH, ...env } })));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[1] === String(parent))
    .map(Number);
}
