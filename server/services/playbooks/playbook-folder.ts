import { constants } from 'node:fs';
import { type FileHandle, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../domain/caught.ts';
import { createFile, removeFile, replaceFile } from './files/change-file.ts';
import { FileRefusedError, isInside, openReal, readAll, refusalOf } from './files/inside.ts';

/**
 * Access to the files in the playbook folder, and to nothing outside it. Symlinks inside the folder are
 * followed; anything reached through a symlink that leads out does not exist for us, even if the link is
 * swapped between check and use: the check is on the opened file, not on its path.
 */
export interface PlaybookFolder {
  /** Absolute path of the folder. */
  readonly root: string;
  /**
   * @param maxBytes a longer file is refused with `FileRefusedError`
   * @returns null when there is no such file
   * @throws {FileRefusedError} when it is not a regular file, cannot be read, or is too long
   */
  read(path: string, maxBytes: number): Promise<Buffer | null>;
  /**
   * Whether the path goes through a symlink that leads out of the folder, whether or not the target exists.
   */
  leadsOut(path: string): Promise<boolean>;
  /** @see createFile */
  create(path: string, bytes: Buffer): Promise<void>;
  /** @see replaceFile */
  replace(path: string, maxBytes: number, contentOf: (current: Buffer | null) => Buffer): Promise<void>;
  /** @see removeFile */
  remove(path: string, maxBytes: number, check: (current: Buffer) => void): Promise<boolean>;
}

/** @param folder an existing folder */
export async function openPlaybookFolder(folder: string): Promise<PlaybookFolder> {
  const root = await realpath(folder);

  /** Follows symlinks inside the folder. Null: missing, or not inside. */
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

    async leadsOut(path) {
      let current = root;
      for (const segment of path.split('/')) {
        current = join(current, segment);
        try {
          if (!isInside(root, await realpath(current))) return true;
        } catch {
          return false;
        }
      }
      return false;
    },

    create: (path, bytes) => createFile(root, path, bytes),
    replace: (path, maxBytes, contentOf) => replaceFile(root, path, maxBytes, contentOf),
    remove: (path, maxBytes, check) => removeFile(root, path, maxBytes, check),
  };
}
