import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test as base, describe, expect } from 'vitest';
import {
  openPlaybookFolder,
  type PlaybookFolder,
} from '../../../../server/services/playbooks/playbook-folder.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const MAX = 1_000;

/** A playbook folder, and a folder beside it that is none of our business. */
const test = base.extend<{ place: { folder: PlaybookFolder; inside: string; outside: string } }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the pattern
  place: async ({}, use) => {
    const { path, remove } = await makeTempDir();
    const [inside, outside] = [join(path, 'playbooks'), join(path, 'outside')];
    mkdirSync(inside);
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret.yaml'), 'secret');
    await use({ folder: await openPlaybookFolder(inside), inside, outside });
    await remove();
  },
});

describe('the playbook folder', () => {
  test('reads what was written, and null for what is not there', async ({ place }) => {
    const { folder } = place;
    await folder.create('deep/er/a.yaml', Buffer.from('text'));

    expect((await folder.read('deep/er/a.yaml', MAX))?.toString()).toBe('text');
    for (const path of ['b.yaml', 'deep/er/a.yaml/b.yaml', `${'x'.repeat(300)}.yaml`])
      expect(await folder.read(path, MAX)).toBeNull();
    expect(readdirSync(join(place.inside, 'deep/er'))).toEqual(['a.yaml']);
  });

  test('clears away what a killed writer left beside it, but not what another one is writing', async ({
    place,
  }) => {
    const { folder, inside } = place;
    for (const name of ['.sible-old.tmp', '.sible-new.tmp', '.other.tmp'])
      writeFileSync(join(inside, name), 'half');
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const name of ['.sible-old.tmp', '.other.tmp']) utimesSync(join(inside, name), longAgo, longAgo);
    await folder.create('a.yaml', Buffer.from('text'));
    expect(readdirSync(inside).sort()).toEqual(['.other.tmp', '.sible-new.tmp', 'a.yaml']);
  });

  test('leads nowhere through links: not to read, not to write, not to remove', async ({ place }) => {
    const { folder, inside, outside } = place;
    symlinkSync(join(outside, 'secret.yaml'), join(inside, 'file.yaml'));
    symlinkSync(outside, join(inside, 'linked'));
    symlinkSync('/etc', join(inside, 'etc'));

    expect(await folder.read('file.yaml', MAX)).toBeNull();
    expect(await folder.read('linked/secret.yaml', MAX)).toBeNull();
    await expect(folder.create('linked/new.yaml', Buffer.from('x'))).rejects.toThrow(/symbolic link/);
    expect(await folder.remove('linked/secret.yaml', MAX, () => undefined)).toBe(false);
    expect(readdirSync(outside)).toEqual(['secret.yaml']);
    expect(readFileSync(join(outside, 'secret.yaml'), 'utf8')).toBe('secret');
  });

  test('writes nothing over a link that leads outside', async ({ place }) => {
    const { folder, inside, outside } = place;
    symlinkSync(join(outside, 'secret.yaml'), join(inside, 'file.yaml'));

    await expect(folder.create('file.yaml', Buffer.from('ours'))).rejects.toThrow(/already/);
    await expect(folder.replace('file.yaml', MAX, () => Buffer.from('ours'))).rejects.toThrow(/leads out/);
    expect(await folder.remove('file.yaml', MAX, () => undefined)).toBe(false);
    expect(readFileSync(join(outside, 'secret.yaml'), 'utf8')).toBe('secret');
  });

  test('never gives or changes what is outside while a folder is swapped for a link, 200 times', async ({
    place,
  }) => {
    const { folder, inside, outside } = place;
    const name = join(inside, 'swap');
    let isDone = false;
    let swaps = 0;
    const swapping = (async () => {
      for (let n = 0; !isDone; n += 1) {
        // what writes meanwhile makes the folder itself at times: then this swap does not come about
        try {
          rmSync(name, { recursive: true, force: true });
          if (n % 2) symlinkSync(outside, name);
          else {
            mkdirSync(`${name}.new`, { recursive: true });
            writeFileSync(join(`${name}.new`, 'secret.yaml'), 'ours');
            renameSync(`${name}.new`, name);
          }
          swaps += 1;
        } catch {}
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();

    for (let n = 0; n < 200; n += 1) {
      const read = await folder.read('swap/secret.yaml', MAX);
      expect(['ours', 'changed', undefined]).toContain(read?.toString());
      await folder.replace('swap/secret.yaml', MAX, () => Buffer.from('changed')).catch(() => undefined);
      await folder.remove('swap/secret.yaml', MAX, () => undefined).catch(() => undefined);
    }
    isDone = true;
    await swapping;
    expect(swaps).toBeGreaterThan(20);

    expect(readdirSync(outside)).toEqual(['secret.yaml']);
    expect(readFileSync(join(outside, 'secret.yaml'), 'utf8')).toBe('secret');
  });

  test('refuses what is no regular file, without waiting for it, and what is too long', async ({ place }) => {
    const { folder, inside } = place;
    execFileSync('mkfifo', [join(inside, 'fifo.yaml')]);
    mkdirSync(join(inside, 'folder.yaml'));
    await folder.create('long.yaml', Buffer.from('x'.repeat(MAX + 1)));
    await folder.create('fits.yaml', Buffer.from('x'.repeat(MAX)));
    writeFileSync(join(inside, 'sparse.yaml'), '');
    truncateSync(join(inside, 'sparse.yaml'), 1_000_000_000);

    await expect(folder.read('fifo.yaml', MAX)).rejects.toThrow(/not a regular file/);
    await expect(folder.read('folder.yaml', MAX)).rejects.toThrow(/not a regular file/);
    await expect(folder.read('long.yaml', MAX)).rejects.toThrow(/longer than 1000 bytes/);
    await expect(folder.read('sparse.yaml', MAX)).rejects.toThrow(/longer than 1000 bytes/);
    expect((await folder.read('fits.yaml', MAX))?.length).toBe(MAX);
  });

  test('removes a file once', async ({ place }) => {
    await place.folder.create('a.yaml', Buffer.from(''));
    expect(await place.folder.remove('a.yaml', MAX, () => undefined)).toBe(true);
    expect(await place.folder.remove('a.yaml', MAX, () => undefined)).toBe(false);
  });
});
