import { execFileSync, fork } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { AdminKeyError, adminKeyPath, readAdminKey } from '../../server/admin-key.ts';
import { makeTempDir } from '../support/temp-dir.ts';

async function makeDir() {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  return folder.path;
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

it('makes a key for the user alone, once', async () => {
  const dir = await makeDir();
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const first = await readAdminKey(dir);
  expect(first).toEqual({ key: expect.stringMatching(/^[\w-]{43}$/), mended: null });
  expect(modeOf(adminKeyPath(dir))).toBe('600');
  expect(await readAdminKey(dir)).toEqual(first);
  expect(readdirSync(dir)).toEqual(['admin.key']);
  expect((await readAdminKey(await makeDir())).key).not.toBe(first.key);
});

it.each([0o644, 0o640, 0o604, 0o620, 0o777])(
  'takes the rights of others away from one of mode %o',
  async (mode) => {
    const dir = await makeDir();
    const { key } = await readAdminKey(dir);
    chmodSync(adminKeyPath(dir), mode);
    expect(await readAdminKey(dir)).toEqual({
      key,
      mended: expect.stringContaining('could be read by other'),
    });
    expect(modeOf(adminKeyPath(dir))).toBe('600');
    expect((await readAdminKey(dir)).mended).toBeNull();
  },
);

it('makes a new one where a crash left an empty file, or half of one beside it', async () => {
  const dir = await makeDir();
  writeFileSync(adminKeyPath(dir), '\n', { mode: 0o600 });
  writeFileSync(`${adminKeyPath(dir)}.0000.tmp`, 'half', { mode: 0o600 });
  const { key } = await readAdminKey(dir);
  expect(readFileSync(adminKeyPath(dir), 'utf8')).toBe(`${key}\n`);
});

it.each([
  ['too short', (path: string) => writeFileSync(path, 'short', { mode: 0o600 })],
  [
    'two lines',
    (path: string) => writeFileSync(path, `${'a'.repeat(20)}\n${'b'.repeat(20)}`, { mode: 0o600 }),
  ],
  ['huge', (path: string) => writeFileSync(path, 'a'.repeat(100_000), { mode: 0o600 })],
  ['a folder', (path: string) => mkdirSync(path)],
  ['a pipe', (path: string) => execFileSync('mkfifo', ['-m', '600', path])],
  ['a link', (path: string) => symlinkSync('/etc/hostname', path)],
  ['a link to nothing', (path: string) => symlinkSync(`${path}.none`, path)],
])('refuses what is no key: %s', async (_, make) => {
  const dir = await makeDir();
  make(adminKeyPath(dir));
  const refused = readAdminKey(dir);
  await expect(refused).rejects.toThrow(AdminKeyError);
  await expect(refused).rejects.toThrow(adminKeyPath(dir));
  expect(existsSync(`${adminKeyPath(dir)}.none`)).toBe(false);
});

it('is whole at whatever moment its making is cut short', async () => {
  const dir = await makeDir();
  const maker = join(dir, 'maker.mjs');
  const source = new URL('../../server/admin-key.ts', import.meta.url);
  writeFileSync(
    maker,
    `import { rmSync } from 'node:fs';
     const { readAdminKey, adminKeyPath } = await import(${JSON.stringify(source.href)});
     const dir = process.argv[2];
     for (let n = 0; ; n += 1) {
       await readAdminKey(dir);
       if (n === 0) process.send('ready');
       rmSync(adminKeyPath(dir));
     }`,
  );
  const data = join(dir, 'data');
  mkdirSync(data);
  for (let round = 0; round < 3; round += 1) {
    const child = fork(maker, [data], { execArgv: ['--import', 'tsx'] });
    await new Promise((resolve) => child.once('message', resolve));
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    if (existsSync(adminKeyPath(data)))
      expect(readFileSync(adminKeyPath(data), 'utf8')).toMatch(/^[\w-]{43}\n$/);
    expect((await readAdminKey(data)).key).toMatch(/^[\w-]{43}$/);
  }
});
