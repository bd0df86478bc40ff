import { type Dir, type Dirent, existsSync, opendirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { codeOf } from '../../domain/caught.ts';
import { createSlices, type Slices } from '../../domain/long-work.ts';
import {
  checkPlaybookPath,
  isLayoutPath,
  isNamedAsPlaybook,
  isPlaybookFolder,
  isPlaybookPath,
} from '../../domain/playbooks/playbook.ts';
import { shownBytes, shownPath } from '../../domain/playbooks/shown-path.ts';

export interface FoundFile {
  /** Relative to the root, with "/". */
  readonly path: string;
  /** Stats of the target if it is a symlink; null: unknown, and `problem` says why. */
  readonly info: Stats | null;
  /** A sentence; set where `info` is null. */
  readonly problem?: string;
  /** Set when its path is unusable; `path` is then for display only. */
  readonly refused?: {
    /** A sentence. */
    readonly problem: string;
    /** Absolute. */
    readonly at: string | Buffer;
  };
}

/** Limit on folders reached through symlinks: there may be many ways to each. */
const MAX_LINKED_FOLDERS = 2_000;

/**
 * All files below the root at paths that playbooks may have, and those that only their path rules out, in no
 * particular order. Follows symlinks inside the root, to files and to folders that do not contain the symlink
 * itself. Files that cannot be read are included, with the reason. Synchronous, in slices: ten thousand files
 * take a fraction of the time of as many promises.
 * @param isKnownPath whether the path has been found before and is usable, so it need not be checked again
 */
export async function walkPlaybookFolder(
  root: string,
  isKnownPath: (path: string) => boolean,
): Promise<FoundFile[]> {
  // fails if the root cannot be read; any other folder may be missing or unreadable
  await readdir(root);
  const found: FoundFile[] = [];
  const mayBePlaybook = (path: string) => isKnownPath(path) || isPlaybookPath(path);
  const slices = createSlices();
  let linkedFolders = 0;
  const folders: { path: string; above: readonly string[]; isLinked: boolean }[] = [
    { path: '', above: [root], isLinked: false },
  ];

  const add = (path: string, name: string, info: Stats | null, why = LEADS_OUT): void => {
    if (mayBePlaybook(path)) {
      found.push(info ? { path, info } : { path, info, problem: why });
      return;
    }
    const issue = isNamedAsPlaybook(name) ? checkPlaybookPath(path, 'Its path') : null;
    if (!issue) return;
    const shown = shownPath(path);
    const problem = `It cannot be used here until it is renamed. ${issue.message}`;
    const refused = { problem, at: join(root, path) };
    found.push(info ? { path: shown, info, refused } : { path: shown, info, problem: why, refused });
  };

  const visit = (entry: Dirent, path: string, folder: (typeof folders)[number]): void => {
    const absolute = join(root, path);
    if (entry.isDirectory()) {
      if (!isPlaybookFolder(entry.name)) return;
      const above = folder.isLinked ? [...folder.above, realpathSync(absolute)] : folder.above;
      folders.push({ path, above, isLinked: folder.isLinked });
      return;
    }
    if (entry.isFile()) {
      if (mayBePlaybook(path) || isNamedAsPlaybook(entry.name)) add(path, entry.name, statSync(absolute));
      return;
    }
    if (!entry.isSymbolicLink()) return;
    const real = realpathSync(absolute);
    const isInside = real.startsWith(root + sep);
    const info = statSync(real);
    if (info.isFile()) add(path, entry.name, isInside ? info : null);
    if (!info.isDirectory() || !isInside || !isPlaybookFolder(entry.name)) return;
    const at = realpathSync(join(root, folder.path));
    const isLoop = [...folder.above, at].some((one) => one === real || one.startsWith(real + sep));
    if (isLoop || linkedFolders >= MAX_LINKED_FOLDERS) return;
    linkedFolders += 1;
    folders.push({ path, above: [...folder.above, at, real], isLinked: true });
  };

  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    let directory: Dir;
    // a Python virtual environment, whatever its name
    if (folder.path !== '' && existsSync(join(root, folder.path, 'pyvenv.cfg'))) continue;
    try {
      directory = opendirSync(join(root, folder.path), { bufferSize: 256 });
    } catch (error) {
      const why = reasonOf(error);
      if (why !== null && !isLayoutPath(folder.path))
        found.push({
          path: shownPath(folder.path),
          info: null,
          problem: `The folder cannot be read: ${why}.`,
        });
      continue;
    }
    let hasOtherBytes = false;
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        // the replacement character: either invalid UTF-8 or the character itself
        hasOtherBytes ||= entry.name.includes('\ufffd');
        const path = folder.path === '' ? entry.name : `${folder.path}/${entry.name}`;
        try {
          visit(entry, path, folder);
        } catch (error) {
          // names that are not valid UTF-8 are visited again, by their bytes
          const why = entry.name.includes('\ufffd') ? null : problemIn(error, entry);
          if (why !== null && isNamedAsPlaybook(entry.name) && !isLayoutPath(path))
            add(path, entry.name, null, why);
        }
        const pause = slices.pause();
        if (pause) await pause;
      }
    } catch {
      // the folder has been removed since
    } finally {
      directory.closeSync();
    }
    if (hasOtherBytes) await walkOtherBytes(root, folder.path, found, slices);
  }
  return found;
}

const LEADS_OUT = 'It is a symbolic link that leads out of the playbook folder.';

/** Why an entry cannot be read; null: it has been removed since. */
function problemIn(error: unknown, entry: Dirent): string | null {
  if (entry.isSymbolicLink() && codeOf(error) === 'ENOENT')
    return 'It is a symbolic link to something that is not there.';
  if (codeOf(error) === 'ELOOP') return 'It is a symbolic link that leads back to itself.';
  const why = reasonOf(error);
  return why && `It cannot be read: ${why}.`;
}

/** Part of a sentence; null: it no longer exists. */
export function reasonOf(error: unknown): string | null {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  return code === 'EACCES' || code === 'EPERM' ? 'permission denied' : (code ?? 'unknown error');
}

const NOT_UTF8 = 'It cannot be used here until it is renamed: its path is not valid UTF-8.';

/**
 * Adds the files below a folder whose paths are not valid UTF-8. Follows symlinks only to files inside the
 * root.
 */
async function walkOtherBytes(
  root: string,
  folder: string,
  found: FoundFile[],
  slices: Slices,
): Promise<void> {
  const bytesOf = (text: string) => Buffer.from(text, 'latin1');
  const isUtf8 = (path: string) => Buffer.from(bytesOf(path).toString('utf8')).equals(bytesOf(path));
  const latinRoot = Buffer.from(join(root, sep)).toString('latin1');
  // paths as Latin-1, relative to the root
  const folders = [Buffer.from(folder).toString('latin1')];
  for (let at = folders.shift(); at !== undefined; at = folders.shift()) {
    try {
      const directory = opendirSync(bytesOf(latinRoot + at) as unknown as string, {
        encoding: 'latin1' as BufferEncoding,
      });
      try {
        for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
          await slices.pause();
          const path = at === '' ? entry.name : `${at}/${entry.name}`;
          if (isUtf8(path)) continue;
          if (entry.isDirectory() && isPlaybookFolder(entry.name)) folders.push(path);
          if (!isNamedAsPlaybook(entry.name) || !(entry.isFile() || entry.isSymbolicLink())) continue;
          const absolute = bytesOf(latinRoot + path);
          try {
            const info = statSync(absolute);
            if (!info.isFile()) continue;
            const isInside = entry.isFile() || realpathSync.native(absolute, 'latin1').startsWith(latinRoot);
            found.push({
              path: shownBytes(path),
              ...(isInside ? { info } : { info: null, problem: LEADS_OUT }),
              refused: { problem: NOT_UTF8, at: absolute },
            });
          } catch {
            // removed since, or a dangling symlink
          }
        }
      } finally {
        directory.closeSync();
      }
    } catch {
      // removed since, or unreadable
    }
  }
}
