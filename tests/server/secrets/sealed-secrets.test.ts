import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createSealedSecrets } from '../../../server/secrets/sealed-secrets.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

async function makeSecrets(file: string | null = null) {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const source = { file, dataDir: folder.path };
  return { path: join(folder.path, 'master.key'), again: () => createSealedSecrets(source) };
}

it('opens what it sealed, also after a restart, and makes one key that only its user can read', async () => {
  const { path, again } = await makeSecrets();
  const secrets = again();
  expect(existsSync(path)).toBe(false);

  const sealed = await Promise.all(['geheim ✓', ''].map((text) => secrets.seal(text, 'channel:1')));

  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await Promise.all(sealed.map((one) => again().open(one, 'channel:1')))).toEqual(['geheim ✓', '']);
  expect(sealed.join()).not.toContain('geheim');
});

it('seals the same text differently each time', async () => {
  const secrets = (await makeSecrets()).again();
  const sealed = await Promise.all([1, 2, 3].map(() => secrets.seal('same', 'row')));
  expect(new Set(sealed).size).toBe(3);
});

it('opens nothing for another row, and nothing of which a character was changed', async () => {
  const secrets = (await makeSecrets()).again();
  const sealed = await secrets.seal('a secret', 'channel:1');

  await expect(secrets.open(sealed, 'channel:2')).rejects.toThrow(/damaged, or moved/);
  for (const [at, character] of [...sealed].entries()) {
    const other = character === '1' ? '2' : '1';
    const changed = sealed.slice(0, at) + other + sealed.slice(at + 1);
    // bits of the last character of a part that stand for nothing
    const isSame = await secrets.open(changed, 'channel:1').then(
      (text) => text === 'a secret' && [sealed.length - 1, 57].includes(at),
      (error: Error) => error.name === 'SecretsError',
    );
    expect(isSame, `${at}`).toBe(true);
  }
});

it('says which key is missing, never makes another one to open, and goes on once it is back', async () => {
  const { path, again } = await makeSecrets();
  const sealed = await again().seal('a secret', 'row');
  const [key, id] = [readFileSync(path), sealed.split(':')[1]];
  rmSync(path);
  const secrets = again();

  await expect(secrets.open(sealed, 'row')).rejects.toThrow(`The key ${id} that the secret was sealed with`);
  expect(existsSync(path)).toBe(false);

  writeFileSync(path, key);
  chmodSync(path, 0o644);
  expect(await secrets.open(sealed, 'row')).toBe('a secret');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('says so when it has another key', async () => {
  const sealed = await (await makeSecrets()).again().seal('a secret', 'row');
  const other = (await makeSecrets()).again();
  await other.seal('another', 'row');
  await expect(other.open(sealed, 'row')).rejects.toThrow(
    /sealed with the key [\da-f]{16}, and this node has/,
  );
});

it.each(['', 'short'])('refuses a configured file that holds %j, and does not fill it', async (text) => {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const file = join(folder.path, 'key');
  writeFileSync(file, text);
  const secrets = createSealedSecrets({ file, dataDir: folder.path });

  await expect(secrets.seal('a secret', 'row')).rejects.toThrow(/key/);

  expect(readFileSync(file, 'utf8')).toBe(text);
});

it('takes a configured key as hex and as base64', async () => {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const file = join(folder.path, 'key');
  const bytes = Buffer.alloc(32, 7);
  writeFileSync(file, bytes.toString('hex'));
  const sealed = await createSealedSecrets({ file, dataDir: folder.path }).seal('a secret', 'row');
  writeFileSync(file, `${bytes.toString('base64')}\n`);
  expect(await createSealedSecrets({ file, dataDir: folder.path }).open(sealed, 'row')).toBe('a secret');
});
