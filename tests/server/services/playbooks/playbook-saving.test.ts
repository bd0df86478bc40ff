import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test as base, describe, expect, onTestFinished, vi } from 'vitest';
import type { PlaybookService } from '../../../../server/services/playbooks/playbook-service.ts';
import { TESTER } from '../../../support/actor.ts';
import { openPlaybooks } from '../../../support/playbooks.ts';
import { useReader } from '../../../support/reader.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

interface Place {
  readonly playbooks: PlaybookService;
  readonly inside: string;
  readonly outside: string;
  /** A second server with the same folder. */
  readonly other: PlaybookService;
  /** Reads a playbook, edits it as an editor does, and saves it. */
  edit(path: string, change: (content: string) => string): Promise<void>;
}

const reader = useReader();

const test = base.extend<{ place: Place }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the pattern
  place: async ({}, use) => {
    const { path, remove } = await makeTempDir();
    const [inside, outside] = [join(path, 'playbooks'), join(path, 'outside')];
    for (const folder of [inside, outside]) mkdirSync(folder);
    const [playbooks, other] = [await openPlaybooks(inside, reader), await openPlaybooks(inside, reader)];
    const edit: Place['edit'] = async (name, change) => {
      const read = await playbooks.find(TESTER, name);
      if (!read) throw new Error(`${name} cannot be read`);
      await playbooks.save(TESTER, name, change(read.content.replace(/\r\n?/g, '\n')), read.revision);
    };
    await use({ playbooks, other, inside, outside, edit });
    await remove();
  },
});

const isRoot = process.getuid?.() === 0;
const PLAY = '- hosts: localhost\n';
const rename = (content: string) => content.replace('localhost', 'elsewhere');
const mode = (path: string) => statSync(path).mode & 0o7777;

/** Does the work as a user who may not do everything. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (!isRoot) return work();
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('saving a playbook', () => {
  test.for([0o600, 0o640, 0o755, 0o4755, 0o2775, 0o1666])('keeps mode %o', async (bits, { place }) => {
    const file = join(place.inside, 'a.yaml');
    writeFileSync(file, PLAY);
    chmodSync(file, bits);
    const before = statSync(file);
    await place.edit('a.yaml', rename);

    expect(readFileSync(file, 'utf8')).toContain('elsewhere');
    expect(mode(file)).toBe(bits);
    expect([statSync(file).uid, statSync(file).gid]).toEqual([before.uid, before.gid]);
  });

  test.runIf(isRoot)('keeps owner and group', async ({ place }) => {
    const file = join(place.inside, 'a.yaml');
    writeFileSync(file, PLAY);
    execFileSync('chown', ['1234:5678', file]);
    chmodSync(file, 0o2640);
    await place.edit('a.yaml', rename);

    const { uid, gid } = statSync(file);
    expect([uid, gid, mode(file)]).toEqual([1234, 5678, 0o2640]);
  });

  test.runIf(isRoot)('keeps owner, group and mode where the system has no cp', async ({ place }) => {
    const file = join(place.inside, 'a.yaml');
    writeFileSync(file, PLAY);
    execFileSync('chown', ['1234:5678', file]);
    chmodSync(file, 0o2640);
    vi.stubEnv('PATH', '/nowhere/at/all');
    onTestFinished(() => void vi.unstubAllEnvs());
    await place.edit('a.yaml', rename);

    const { uid, gid } = statSync(file);
    expect(readFileSync(file, 'utf8')).toContain('elsewhere');
    expect([uid, gid, mode(file)]).toEqual([1234, 5678, 0o2640]);
  });

  test.runIf(isRoot)(
    'opens a file to nobody else when its owner and group cannot be kept',
    async ({ place }) => {
      const { inside, edit } = place;
      const file = join(inside, 'a.yaml');
      writeFileSync(file, PLAY);
      execFileSync('chown', ['0:5678', file]);
      chmodSync(file, 0o2676);
      chmodSync(inside, 0o777);
      chmodSync(join(inside, '..'), 0o755);
      await asNobody(() => edit('a.yaml', rename));

      expect(readFileSync(file, 'utf8')).toContain('elsewhere');
      expect([statSync(file).uid, mode(file)]).toEqual([65_534, 0o0666]);
    },
  );

  test('makes new files as by hand, in folders as by hand', async ({ place }) => {
    const before = process.umask();
    await place.playbooks.save(TESTER, 'new/a.yaml', PLAY, null);
    expect(mode(join(place.inside, 'new/a.yaml'))).toBe(0o666 & ~before);
    expect(mode(join(place.inside, 'new'))).toBe(0o777 & ~before);
  });

  test('writes through a link to where it leads, and leaves the link', async ({ place }) => {
    const { inside, edit, playbooks } = place;
    mkdirSync(join(inside, 'releases/1'), { recursive: true });
    writeFileSync(join(inside, 'releases/1/site.yaml'), PLAY, { mode: 0o600 });
    symlinkSync('releases/1', join(inside, 'current'));
    symlinkSync('current/site.yaml', join(inside, 'site.yaml'));
    await edit('site.yaml', rename);
    await edit('current/site.yaml', (content) => `${content}# more\n`);
    await playbooks.save(TESTER, 'current/new.yaml', PLAY, null);

    expect(readlinkSync(join(inside, 'site.yaml'))).toBe('current/site.yaml');
    expect(readFileSync(join(inside, 'releases/1/site.yaml'), 'utf8')).toBe('- hosts: elsewhere\n# more\n');
    expect(mode(join(inside, 'releases/1/site.yaml'))).toBe(0o600);
    expect(readdirSync(join(inside, 'releases/1')).sort()).toEqual(['new.yaml', 'site.yaml']);
  });

  test('leaves another hard link as it was', async ({ place }) => {
    writeFileSync(join(place.inside, 'a.yaml'), PLAY);
    linkSync(join(place.inside, 'a.yaml'), join(place.outside, 'backup.yaml'));
    await place.edit('a.yaml', rename);
    expect(readFileSync(join(place.outside, 'backup.yaml'), 'utf8')).toBe(PLAY);
  });

  test.for([
    ['CRLF', '- hosts: localhost\r\n  vars: {a: 1}\r\n'],
    ['mixed line endings', '- hosts: localhost\n  vars: {a: 1}\r\n\r\n# é\n'],
    ['no final newline', '- hosts: localhost'],
    ['many final newlines', '- hosts: localhost\r\n\n\n'],
    ['a byte order mark', '\ufeff- hosts: localhost\r\n'],
    ['odd characters', '- hosts: localhost # \u00a0🚀\t\u202e\u2028# \u0085# \ufeff\n'],
    ['UTF-16', Buffer.from('\ufeff- hosts: localhost\r\n# é\r\n', 'utf16le')],
    ['Latin-1', Buffer.from('# caf\u00e9 \u00a4\r\n- hosts: localhost\n', 'latin1')],
  ] as const)('keeps %s, and every byte that was not edited', async ([, text], { place }) => {
    const file = join(place.inside, 'a.yaml');
    writeFileSync(file, text);
    const bytes = readFileSync(file);
    const before = statSync(file);
    await place.edit('a.yaml', (content) => content);
    expect(readFileSync(file)).toEqual(bytes);
    expect([statSync(file).ino, statSync(file).mtimeMs]).toEqual([before.ino, before.mtimeMs]);

    await place.edit('a.yaml', rename);
    // each of the encodings holds "localhost" as it holds the other names of the same length
    const encoding = bytes[0] === 0xff ? 'utf16le' : 'latin1';
    expect(readFileSync(file)).toEqual(
      Buffer.from(bytes.toString(encoding).replace('localhost', 'elsewhere'), encoding),
    );
  });

  test('says what a file in another encoding cannot hold, and converts it only when asked', async ({
    place,
  }) => {
    const { playbooks, inside } = place;
    writeFileSync(join(inside, 'a.yaml'), Buffer.from('# caf\u00e9\n- hosts: localhost\n', 'latin1'));
    const read = await playbooks.find(TESTER, 'a.yaml');
    expect(read).toMatchObject({ encoding: 'latin1', content: '# café\n- hosts: localhost\n' });
    const content = '# café, 3 €\n- hosts: localhost\n';
    const revision = read?.revision ?? null;
    await expect(playbooks.save(TESTER, 'a.yaml', content, revision)).rejects.toThrow(
      /ISO 8859-1 .*"€".*UTF-8/,
    );
    const saved = await playbooks.save(TESTER, 'a.yaml', content, revision, 'utf8');
    expect(saved).toMatchObject({ encoding: 'utf8', content });
    expect(readFileSync(join(inside, 'a.yaml'), 'utf8')).toBe(content);
  });

  test.runIf(process.platform === 'linux')(
    'keeps extended attributes and access lists',
    async ({ place }) => {
      const file = join(place.inside, 'a.yaml');
      writeFileSync(file, PLAY);
      const python = (code: string) => execFileSync('python3', ['-c', `import os\n${code}`, file]).toString();
      python('import sys; os.setxattr(sys.argv[1], "user.note", b"mine")');
      // user::rw- user:1234:r-- group::--- mask::r-- other::---
      python(
        'import sys, struct; os.setxattr(sys.argv[1], "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in [(1,6,0xffffffff),(2,4,1234),(4,0,0xffffffff),(16,4,0xffffffff),(32,0,0xffffffff)]))',
      );
      const attributes = () =>
        python(
          'import sys; print([(n, os.getxattr(sys.argv[1], n)) for n in sorted(os.listxattr(sys.argv[1]))])',
        );
      const before = attributes();
      await place.edit('a.yaml', rename);
      expect(attributes()).toBe(before);
      expect(before).toContain('posix_acl_access');
      expect(mode(file)).toBe(0o640);
    },
  );

  test('creates over nothing that is there, whatever it is', async ({ place }) => {
    const { playbooks, inside, outside } = place;
    writeFileSync(join(inside, 'file.yaml'), 'x');
    writeFileSync(join(inside, 'closed.yaml'), 'x', { mode: 0 });
    mkdirSync(join(inside, 'folder.yaml'));
    symlinkSync('nowhere.yaml', join(inside, 'broken.yaml'));
    symlinkSync('circle.yaml', join(inside, 'circle.yaml'));
    symlinkSync(join(outside, 'none.yaml'), join(inside, 'out.yaml'));
    execFileSync('mkfifo', [join(inside, 'fifo.yaml')]);
    const before = readdirSync(inside).map((name) => [name, lstatSync(join(inside, name)).ino]);
    for (const [name] of before)
      await expect(playbooks.save(TESTER, `${name}`, PLAY, null)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(readdirSync(inside).map((name) => [name, lstatSync(join(inside, name)).ino])).toEqual(before);
    expect(existsSync(join(outside, 'none.yaml'))).toBe(false);
  });

  test('says why a file cannot be written', async ({ place }) => {
    const { playbooks, inside, outside } = place;
    mkdirSync(join(inside, 'closed'));
    for (const name of ['a.yaml', 'closed/b.yaml', 'c.yaml']) writeFileSync(join(inside, name), PLAY);
    chmodSync(join(inside, 'a.yaml'), 0o444);
    chmodSync(join(inside, 'closed'), 0o555);
    chmodSync(join(inside, '..'), 0o755);
    symlinkSync(outside, join(inside, 'out'));
    const save = async (path: string) =>
      playbooks.save(
        TESTER,
        path,
        '- hosts: elsewhere\n',
        (await playbooks.find(TESTER, path))?.revision ?? null,
      );
    const refused = (message: RegExp) => ({
      code: 'INVALID_INPUT',
      issues: [{ path: ['path'], message: expect.stringMatching(message), position: null }],
    });
    await asNobody(async () => {
      await expect(save('a.yaml')).rejects.toMatchObject(
        refused(/"a\.yaml" cannot be written: permission denied/),
      );
      await expect(save('closed/b.yaml')).rejects.toMatchObject(
        refused(/cannot be written: permission denied/),
      );
      await expect(save('closed/new.yaml')).rejects.toMatchObject(
        refused(/cannot be created: permission denied/),
      );
    });
    await expect(save('c.yaml/d.yaml')).rejects.toMatchObject(refused(/"c\.yaml" is a file/));
    await expect(save('out/d.yaml')).rejects.toMatchObject(refused(/leads out of the playbook folder/));
    for (const name of ['a.yaml', 'closed/b.yaml', 'c.yaml'])
      expect(readFileSync(join(inside, name), 'utf8')).toBe(PLAY);
    expect(readdirSync(join(inside, 'closed'))).toEqual(['b.yaml']);
  });

  test('of many savers on two nodes lets exactly one win, also under two names', async ({ place }) => {
    const { playbooks, other, inside } = place;
    writeFileSync(join(inside, 'a.yaml'), PLAY);
    symlinkSync('a.yaml', join(inside, 'b.yaml'));
    for (let round = 0; round < 20; round += 1) {
      const revision = (await playbooks.find(TESTER, 'a.yaml'))?.revision ?? null;
      const saves = await Promise.allSettled(
        Array.from({ length: 8 }, (_, n) =>
          (n % 2 ? other : playbooks).save(
            TESTER,
            n % 3 ? 'a.yaml' : 'b.yaml',
            `${PLAY}# ${round} ${n}\n`,
            revision,
          ),
        ),
      );
      const won = saves.flatMap((save) => (save.status === 'fulfilled' ? [save.value.content] : []));
      expect(won).toEqual([readFileSync(join(inside, 'a.yaml'), 'utf8')]);
      const created = await Promise.allSettled(
        [playbooks, other, playbooks].map((node) => node.save(TESTER, `new${round}.yaml`, PLAY, null)),
      );
      expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
    expect(readdirSync(inside).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('goes on after a writer that was killed while it held the lock', async ({ place }) => {
    const { playbooks, inside, edit } = place;
    writeFileSync(join(inside, 'a.yaml'), PLAY);
    let lock = '';
    const watching = setInterval(() => {
      lock ||= readdirSync(inside).find((name) => /^\.sible-[0-9a-f]{32}\.tmp$/.test(name)) ?? '';
    }, 0);
    for (let n = 0; lock === ''; n += 1) await edit('a.yaml', () => `${PLAY}# ${n}\n`);
    clearInterval(watching);
    writeFileSync(join(inside, lock), '');
    await edit('a.yaml', rename);
    expect((await playbooks.find(TESTER, 'a.yaml'))?.content).toContain('elsewhere');
    expect(readdirSync(inside)).toEqual(['a.yaml']);
  });
});

describe('deleting a playbook', () => {
  test.for([
    'group_vars/all.yml',
    'host_vars/web.yaml',
    'roles/web/tasks/main.yml',
    'requirements.yml',
    'collections/requirements.yml',
    'deploy/group_vars/web.yml',
    'site/tasks/a.yaml',
  ])('leaves %s, which cannot be read or saved as a playbook', async (path, { place }) => {
    const { playbooks, inside } = place;
    mkdirSync(join(inside, path, '..'), { recursive: true });
    writeFileSync(join(inside, path), 'a: 1\n');
    expect(await playbooks.find(TESTER, path)).toBeNull();
    await expect(playbooks.save(TESTER, path, PLAY, null)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(playbooks.delete(TESTER, path, null)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(readFileSync(join(inside, path), 'utf8')).toBe('a: 1\n');
  });

  test('removes a link and leaves what it leads to', async ({ place }) => {
    const { playbooks, inside } = place;
    writeFileSync(join(inside, 'a.yaml'), PLAY);
    symlinkSync('a.yaml', join(inside, 'b.yaml'));
    const revision = (await playbooks.find(TESTER, 'a.yaml'))?.revision ?? '';
    await expect(playbooks.delete(TESTER, 'b.yaml', 'old')).rejects.toMatchObject({ code: 'CONFLICT' });
    await playbooks.delete(TESTER, 'b.yaml', revision);
    expect(readdirSync(inside)).toEqual(['a.yaml']);
  });

  test('beside savers takes away nothing that it has not seen', async ({ place }) => {
    const { playbooks, other, inside } = place;
    for (let round = 0; round < 20; round += 1) {
      writeFileSync(join(inside, 'a.yaml'), PLAY);
      const revision = (await playbooks.find(TESTER, 'a.yaml'))?.revision ?? '';
      const [deleted, saved] = await Promise.allSettled([
        playbooks.delete(TESTER, 'a.yaml', revision),
        other.save(TESTER, 'a.yaml', `${PLAY}# ${round}\n`, revision),
      ]);
      expect([deleted.status, saved.status].sort()).toEqual(['fulfilled', 'rejected']);
      expect(existsSync(join(inside, 'a.yaml'))).toBe(saved.status === 'fulfilled');
    }
  });
});
