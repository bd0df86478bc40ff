import { constants, type Dirent, type Stats, statSync } from 'node:fs';
import { type FileHandle, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../domain/caught.ts';
import { isPlaybookFolder, isPlaybookPath } from '../domain/playbook.ts';
import { createFile, removeFile, replaceFile } from './playbook-files/change-file.ts';
import { FileRefusedError, isInside, openReal, readAll, refusalOf } from './playbook-files/inside.ts';

/**
 * The files under the playbook folder, and nothing outside it. Symbolic links inside the folder are followed; a file or
 * folder that is reached through one out of the folder does not exist for us, also when the link is swapped in between check
 * and use: what was opened is checked, not what was named.
 */
export interface PlaybookFolder {
  /** Absolute path of the folder. */
  readonly root: string;
  /** Paths of all playbooks, sorted by code unit. */
  list(): Promise<string[]>;
  /**
   * What tells the file from any other state of it: the same stamp means the same bytes in the same file.
   * Null when there is none, or when it was changed so lately that a change more could not be told from it.
   */
  stamp(path: string): string | null;
  /**
   * @param maxBytes a longer file is refused with `FileRefusedError`
   * @returns null when there is no such file
   * @throws {FileRefusedError} when it is no regular file, cannot be read, or is too long
   */
  read(path: string, maxBytes: number): Promise<Buffer | null>;
  /** @see createFile */
  create(path: string, bytes: Buffer): Promise<void>;
  /** @see replaceFile */
  replace(path: string, maxBytes: number, contentOf: (current: Buffer | null) => Buffer): Promise<void>;
  /** @see removeFile */
  remove(path: string, maxBytes: number, check: (current: Buffer) => void): Promise<boolean>;
}

const MAX_PLAYBOOKS = 10_000;
/** File systems date a change to a few ms, some to 2 s. */
const CLOCK_STEP_MS = 2_500;

/** @param folder an existing folder */
export async function openPlaybookFolder(folder: string): Promise<PlaybookFolder> {
  const root = await realpath(folder);

  /** Follows links inside the folder. Null: not there, or not inside. */
  async function openInside(path: string): Promise<FileHandle | null> {
    try {
      const real = await realpath(join(root, path));
      return isInside(root, real) ? await openReal(root, real, constants.O_RDONLY) : null;
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') return null;
      throw refusalOf(error, path, 'read');
    }
  }

  return {
    root,

    async list() {
      const found: string[] = [];
      const visit = async (folderPath: string): Promise<void> => {
        let entries: Dirent[];
        try {
          entries = await readdir(join(root, folderPath), { withFileTypes: true });
        } catch (error) {
          // removed, or closed to us: the other folders are shown all the same; the root is not optional
          if (folderPath === '') throw error;
          return;
        }
        for (const entry of entries) {
          if (found.length >= MAX_PLAYBOOKS) return;
          const path = folderPath === '' ? entry.name : `${folderPath}/${entry.name}`;
          // a symbolic link is neither: links are not followed
          if (entry.isDirectory() && isPlaybookFolder(entry.name)) await visit(path);
          else if (entry.isFile() && isPlaybookPath(path)) found.push(path);
        }
      };
      await visit('');
      return found.sort();
    },

    stamp(path) {
      // follows links: where they lead is told by the file's own number, and what it was then was checked when it was read
      const info = statOf(join(root, path));
      if (!info || Date.now() - Math.max(info.mtimeMs, info.ctimeMs) < CLOCK_STEP_MS) return null;
      return `${info.dev} ${info.ino} ${info.size} ${info.mtimeMs} ${info.ctimeMs}`;
    },

    async read(path, maxBytes) {
      const handle = await openInside(path);
      if (!handle) return null;
      try {
        if (!(await handle.stat()).isFile()) throw new FileRefusedError(`"${path}" is not a regular file.`);
        const bytes = await readAll(handle, maxBytes);
        if (!bytes) throw new FileRefusedError(`"${path}" is longer than ${maxBytes} bytes.`);
        return bytes;
      } catch (error) {
        throw refusalOf(error, path, 'read');
      } finally {
        await handle.close();
      }
    },

    create: (path, bytes) => createFile(root, path, bytes),
    replace: (path, maxBytes, contentOf) => replaceFile(root, path, maxBytes, contentOf),
    remove: (path, maxBytes, check) => removeFile(root, path, maxBytes, check),
  };
}

/** Null when there is nothing of this name, also where a folder on the way to it is none. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
