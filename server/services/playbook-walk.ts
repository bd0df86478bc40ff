import { type Dir, type Dirent, existsSync, opendirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isPlaybookFolder, isPlaybookPath } from '../domain/playbook.ts';

export interface FoundFile {
  /** Relative to the root, with "/". */
  readonly path: string;
  /** Of what it leads to where it is a link; null: it leads out of the root. */
  readonly info: Stats | null;
}

/** The event loop has other work: so long one turn may take. */
const SLICE_MS = 5;
/** Folders that are reached through links: each can be reached in many ways. */
const MAX_LINKED_FOLDERS = 2_000;

/** Does its work in slices, and lets the event loop turn between them. */
export function createSlices(): { pause(): Promise<void> | undefined } {
  let end = performance.now() + SLICE_MS;
  return {
    pause() {
      if (performance.now() < end) return undefined;
      return nextTurn().then(() => {
        end = performance.now() + SLICE_MS;
      });
    },
  };
}

/**
 * All files below the root whose paths a playbook may have; in no order. Links are followed inside the root: to files, and to
 * folders that do not hold the link itself.
 * @param isKnownPath whether the path was found before: it is not looked at again
 * Synchronous in slices: ten thousand files are looked at in a fraction of the time that as many promises take.
 */
export async function walkPlaybookFolder(
  root: string,
  isKnownPath: (path: string) => boolean,
): Promise<FoundFile[]> {
  // the root is not optional; any other folder may have been removed, or be closed to us
  await readdir(root);
  const found: FoundFile[] = [];
  const mayBePlaybook = (path: string) => isKnownPath(path) || isPlaybookPath(path);
  const slices = createSlices();
  let linkedFolders = 0;
  const folders: { path: string; above: readonly string[]; isLinked: boolean }[] = [
    { path: '', above: [root], isLinked: false },
  ];

  const visit = (entry: Dirent, path: string, folder: (typeof folders)[number]): void => {
    const absolute = join(root, path);
    if (entry.isDirectory()) {
      if (!isPlaybookFolder(entry.name)) return;
      const above = folder.isLinked ? [...folder.above, realpathSync(absolute)] : folder.above;
      folders.push({ path, above, isLinked: folder.isLinked });
      return;
    }
    if (entry.isFile()) {
      if (mayBePlaybook(path)) found.push({ path, info: statSync(absolute) });
      return;
    }
    if (!entry.isSymbolicLink()) return;
    const real = realpathSync(absolute);
    const isInside = real.startsWith(root + sep);
    const info = statSync(real);
    if (info.isFile() && mayBePlaybook(path)) found.push({ path, info: isInside ? info : null });
    if (!info.isDirectory() || !isInside || !isPlaybookFolder(entry.name)) return;
    const at = realpathSync(join(root, folder.path));
    const isLoop = [...folder.above, at].some((one) => one === real || one.startsWith(real + sep));
    if (isLoop || linkedFolders >= MAX_LINKED_FOLDERS) return;
    linkedFolders += 1;
    folders.push({ path, above: [...folder.above, at, real], isLinked: true });
  };

  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    let directory: Dir;
    // a virtual environment of Python, under any name
    if (folder.path !== '' && existsSync(join(root, folder.path, 'pyvenv.cfg'))) continue;
    try {
      directory = opendirSync(join(root, folder.path), { bufferSize: 256 });
    } catch {
      continue;
    }
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        const path = folder.path === '' ? entry.name : `${folder.path}/${entry.name}`;
        try {
          visit(entry, path, folder);
        } catch {
          // removed meanwhile, or a link to nothing
        }
        const pause = slices.pause();
        if (pause) await pause;
      }
    } catch {
      // the folder was removed meanwhile
    } finally {
      directory.closeSync();
    }
  }
  return found;
}
