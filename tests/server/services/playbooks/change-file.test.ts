import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { removeFile, replaceFile } from '../../../../server/services/playbooks/files/change-file.ts';
import { FileChangedError } from '../../../../server/services/playbooks/files/inside.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

/** What a program that asks for no lock (an editor, git) does to a file while it is changed here. */

async function makeFile() {
  const folder = await makeTempDir();
  onTestFinished(folder.remove);
  const file = join(folder.path, 'a.yaml');
  writeFileSync(file, 'ours');
  // whole seconds, which can be given to another file exactly
  utimesSync(file, 1_700_000_000, 1_700_000_000);
  return { root: folder.path, file };
}

const OTHERS: readonly (readonly [string, (file: string) => void])[] = [
  ['is written', (file) => writeFileSync(file, 'theirs')],
  ['grows by as much as it lost', (file) => writeFileSync(file, 'hers')],
  [
    'is replaced',
    (file) => {
      writeFileSync(`${file}.new`, 'theirs');
      renameSync(`${file}.new`, file);
    },
  ],
  [
    'is replaced by one of the same size and time',
    (file) => {
      const { atime, mtime } = statSync(file);
      writeFileSync(`${file}.new`, 'hers');
      utimesSync(`${file}.new`, atime, mtime);
      renameSync(`${file}.new`, file);
    },
  ],
];

describe('a file that somebody else changes', () => {
  it.each(OTHERS)('and that %s between reading and writing keeps what they wrote', async (_, change) => {
    const { root, file } = await makeFile();
    const saving = replaceFile(root, 'a.yaml', 100, () => {
      change(file);
      return Buffer.from('mine');
    });
    await expect(saving).rejects.toBeInstanceOf(FileChangedError);
    expect(readFileSync(file, 'utf8')).not.toBe('mine');
    expect(readdirSync(root)).toEqual(['a.yaml']);
  });

  it.each(OTHERS)('and that %s between reading and removing stays', async (_, change) => {
    const { root, file } = await makeFile();
    const removing = removeFile(root, 'a.yaml', 100, () => change(file));
    await expect(removing).rejects.toBeInstanceOf(FileChangedError);
    expect(existsSync(file)).toBe(true);
    expect(readdirSync(root)).toEqual(['a.yaml']);
  });

  it('and that appears while it is created stays', async () => {
    const { root } = await makeFile();
    // nothing was there when it was looked for
    const creating = replaceFile(root, 'new.yaml', 100, () => {
      writeFileSync(join(root, 'new.yaml'), 'theirs');
      return Buffer.from('mine');
    });
    await expect(creating).rejects.toBeInstanceOf(FileChangedError);
    expect(readFileSync(join(root, 'new.yaml'), 'utf8')).toBe('theirs');
    expect(readdirSync(root).sort()).toEqual(['a.yaml', 'new.yaml']);
  });
});
