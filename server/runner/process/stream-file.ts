import { closeSync, constants, fstatSync, readSync } from 'node:fs';
import { insteadOf, openNew, openRegular, orNull, pathOfOpen } from './guarded-folder.ts';

/**
 * The file in a spool folder that a program writes one of its streams to. It stays the file that was created or
 * first found, whatever has its name later: it is opened once, and stays open until it is closed and nobody
 * holds it.
 */
export interface StreamFile {
  /** Creates it in place of whatever has its name, through a path into the very folder. Idempotent. */
  make(guardedPath: string): void;
  /** Its path for another process; by name if it is not open. */
  pathForOthers(): string;
  /** Null when there is no such file. The caller must release it. */
  hold(): HeldFile | null;
  /** In bytes; 0 where there is none. */
  size(): number;
  /** The beginning or the end of it; "" where there is none. */
  readBegin(maxBytes: number): string;
  readEnd(maxBytes: number): string;
  /** Closes it once nobody holds it. It is not reopened. */
  close(): void;
}

export interface HeldFile {
  readonly fd: number;
  /** Leads this process to the same file. */
  readonly path: string;
  release(): void;
}

const FILE_MODE = 0o600;

/**
 * @param path of the file
 * @param guarded calls the work with a path to the name in the very folder
 */
export function createStreamFile(path: string, guarded: <T>(work: (path: string) => T) => T): StreamFile {
  let fd: number | null = null;
  let holders = 0;
  let isClosed = false;

  function open(): number | null {
    if (isClosed) return null;
    fd ??= orNull(() => guarded((at) => openRegular(at, constants.O_RDONLY)));
    return fd;
  }

  function read(maxBytes: number, from: (opened: number) => number): string {
    const opened = open();
    if (opened === null) return '';
    const buffer = Buffer.alloc(maxBytes);
    return buffer.toString('utf8', 0, readSync(opened, buffer, 0, maxBytes, from(opened)));
  }

  function closeUnheld(): void {
    if (!isClosed || holders > 0 || fd === null) return;
    closeSync(fd);
    fd = null;
  }

  return {
    make(guardedPath) {
      fd ??= insteadOf(guardedPath, () =>
        openNew(guardedPath, constants.O_RDWR | constants.O_APPEND, FILE_MODE),
      );
    },

    pathForOthers: () => (fd === null ? path : pathOfOpen(fd, path).replace('/self/', `/${process.pid}/`)),

    hold() {
      const opened = open();
      if (opened === null) return null;
      holders += 1;
      let isHeld = true;
      return {
        fd: opened,
        path: pathOfOpen(opened, path),
        release() {
          if (!isHeld) return;
          isHeld = false;
          holders -= 1;
          closeUnheld();
        },
      };
    },

    size() {
      const opened = open();
      return opened === null ? 0 : fstatSync(opened).size;
    },

    readBegin: (maxBytes) => read(maxBytes, () => 0),
    readEnd: (maxBytes) => read(maxBytes, (opened) => Math.max(0, fstatSync(opened).size - maxBytes)),

    close() {
      isClosed = true;
      closeUnheld();
    },
  };
}
