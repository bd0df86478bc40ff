import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createApiClient } from '../support/api-client.ts';
import { findRun, readLog, runPlaybook, waitForEnd } from '../support/operations.ts';
import { countedLines } from '../support/printed.ts';
import { SERVER_ENTRY, startServerProcess } from '../support/server-process.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { waitUntil } from '../support/wait-until.ts';
import { SCRIPTED } from '../support/with-server.ts';

const MIB = 1_048_576;
const freeBytes = (path: string) => {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
};

const mount = (folder: string) =>
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'sible-test', folder], { stdio: 'pipe' });
/** Also with a launcher still in it that is about to end. */
const unmount = (folder: string) => execFileSync('umount', ['-l', folder]);

const canMount = await (async () => {
  const folder = await makeTempDir();
  try {
    mount(folder.path);
    unmount(folder.path);
    return true;
  } catch (error) {
    console.log(`Not covered: a full disk, since no file system can be mounted here (${error})`);
    return false;
  } finally {
    await folder.remove();
  }
})();

/** One that nobody had a moment ago: a server that cannot tell its address must be told it. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

it.each([
  // what could not be written is given up
  ['a full disk', () => openSync('/dev/full', 'w'), [0, null]],
  // a write that is under way cannot be
  ['a reader that stalls', () => 'pipe' as const, [null, 'SIGKILL']],
])(
  '%s behind the log of the server holds up nothing, and does not keep it from ending',
  async (_, openLog, end) => {
    const folder = await makeTempDir();
    const log = openLog();
    const port = await freePort();
    const child = spawn('sh', [SERVER_ENTRY], {
      env: {
        PATH: process.env.PATH ?? '',
        SIBLE_DATA_DIR: folder.path,
        SIBLE_OPEN: '1',
        SIBLE_PORT: String(port),
        SIBLE_ANSIBLE_PLAYBOOK: SCRIPTED,
      },
      stdio: ['ignore', log, 'inherit'],
    });
    if (typeof log === 'number') closeSync(log);
    const exited = once(child, 'exit');
    const isUp = () =>
      fetch(`http://127.0.0.1:${port}/readyz`)
        .then(({ ok }) => ok)
        .catch(() => false);
    try {
      await waitUntil(isUp, { withinMs: 30_000, everyMs: 50 });
      const api = createApiClient(`http://127.0.0.1:${port}`);
      // it has something to say, again and again, more than a pipe holds: none of it can be written
      rmSync(join(folder.path, 'runs'), { recursive: true });
      writeFileSync(join(folder.path, 'runs'), 'no folder');
      for (let n = 0; n < 400; n += 1) await runPlaybook(api, 'hello.yaml').catch(() => undefined);
      expect(await isUp()).toBe(true);
      await api.close();
    } finally {
      child.kill('SIGTERM');
      expect(await exited).toEqual(end);
      await folder.remove();
    }
  },
);

describeOnBothStorages('a data folder of 64 MB', (choose) => {
  it.skipIf(!canMount)(
    'that becomes full fails the run with that reason; the server lives, and goes on when there is room',
    async () => {
      const storage = choose();
      const folder = await makeTempDir();
      const dataDir = join(folder.path, 'data');
      mkdirSync(dataDir);
      mount(dataDir);
      try {
        mkdirSync(join(dataDir, 'playbooks'));
        writeFileSync(join(dataDir, 'playbooks/flood.yaml'), '# count 1000000\n- hosts: localhost\n');
        writeFileSync(join(dataDir, 'playbooks/calm.yaml'), '# count 1000\n- hosts: localhost\n');
        const server = await startServerProcess(dataDir, {
          ...storage.env,
          SIBLE_ANSIBLE_PLAYBOOK: SCRIPTED,
        });
        const api = createApiClient(server.url);
        try {
          const calm = await runPlaybook(api, 'calm.yaml');
          expect((await waitForEnd(() => api, calm)).status).toBe('SUCCEEDED');
          const filler = join(dataDir, 'filler');
          writeFileSync(filler, Buffer.alloc(30 * MIB));

          const flood = await runPlaybook(api, 'flood.yaml');
          await waitUntil(() => freeBytes(dataDir) < 65_536, { withinMs: 60_000 });
          // whatever else fails now, it answers, and what was known before can be read
          for (let n = 0; n < 20; n += 1) {
            expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
            expect((await readLog(api, calm)).text).toBe(countedLines(1_000));
          }
          // one that cannot be started now is refused, or ended, and does not hang
          const during = await runPlaybook(api, 'calm.yaml').catch(() => null);

          rmSync(filler);
          expect(await waitForEnd(() => api, flood)).toMatchObject({
            status: 'FAILED',
            reason: expect.stringMatching(/disk .*full/i),
          });
          // what it had written is whole, up to where there was no more room
          const log = await readLog(api, flood);
          expect(log.complete).toBe(true);
          expect(log.totalLines).toBeGreaterThan(100_000);
          const kept = log.text.split('\n').filter((line) => /^\d{79}$/.test(line));
          expect(kept.join('\n') === countedLines(kept.length)).toBe(true);

          if (during !== null)
            expect(['SUCCEEDED', 'FAILED']).toContain((await waitForEnd(() => api, during)).status);
          const after = await runPlaybook(api, 'calm.yaml');
          expect((await waitForEnd(() => api, after)).status).toBe('SUCCEEDED');
          expect((await readLog(api, after)).text).toBe(countedLines(1_000));
          expect((await findRun(api, flood)).status).toBe('FAILED');
          expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
        } finally {
          await api.close();
          await server.stop();
        }
      } finally {
        unmount(dataDir);
        await storage.drop();
        await folder.remove();
      }
    },
  );
});
