import { constants } from 'node:fs';
import { type FileHandle, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../domain/caught.ts';
import { createFile, removeFile, replaceFile } from './files/change-file.ts';
import { FileRefusedError, isInside, openReal, readAll, refusalOf } from './files/inside.ts';

/**
 * The files under the playbook folder, and nothing outside it. Symbolic links inside the folder are followed; a file or
 * folder that is reached through one out of the folder does not exist for us, also when the link is swapped in between check
 * and use: what was opened is checked, not what was named.
 */
export interface PlaybookFolder {
  /** Absolute path of the folder. */
  readonly root: string;
  /**
   * @param maxBytes a longer file is refused with `FileRefusedError`
   * @returns null when there is no such file
   * @throws {FileRefusedError} when it is no regular file, cannot be read, or is too long
   */
  read(path: string, maxBytes: number): Promise<Buffer | null>;
  /** Whether the path goes through a symbolic link that leads out of the folder, whatever is there. */
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
