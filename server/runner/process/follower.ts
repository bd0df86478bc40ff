import { type FSWatcher, read as readFromFd, fstat as statFd, watch } from 'node:fs';
import { promisify } from 'node:util';
import type { LogStream } from '../../domain/logs/run-log.ts';
import type { HeldFile } from './stream-file.ts';

/** Bytes stored and read at once; more is not faster, and the garbage takes memory. */
const PIECE_BYTES = 524_288;
/** Most programs write less; one that writes more gets the full size. */
const FIRST_PIECE_BYTES: Readonly<Record<LogStream, number>> = { output: 65_536, events: 4_096 };
/** For file systems without change notifications, such as network ones. Nobody waits for events. */
const POLL_MS: Readonly<Record<LogStream, number>> = { output: 250, events: 2_000 };

/** A hole of at least this size is not taken for output: no program that prints makes one. */
const MIN_HOLE_BYTES = 67_108_864;
/** Only pieces of at least this length are checked for a hole. */
const MIN_BLANK_BYTES = 65_536;
const BLOCK_BYTES = 512;

const read = promisify(readFromFd);
const stat = promisify(statFd);

/**
 * Tails a growing file from `offset` to its size when `ended` resolves: an orphan may write forever. Stays with
 * the file that was opened, whatever has its name by then. If someone truncates it, or extends it without
 * writing, a line says so, and the tail continues with what is written from there on. A piece is a view of one
 * buffer that the next piece overwrites.
 * @param file null when there is none: nothing is left of it but what is already stored
 */
export async function* followFile(
  stream: LogStream,
  file: HeldFile | null,
  offset: number,
  ended: Promise<unknown>,
  abort?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (file === null) {
    await endedOrAborted(ended, abort);
    return;
  }
  const bell = createBell();
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
    bell.ring();
  });
  const watcher = watchQuietly(file.path, bell.ring);
  const poll = setInterval(bell.ring, POLL_MS[stream]);
  abort?.addEventListener('abort', bell.ring);
  try {
    let buffer = Buffer.allocUnsafe(FIRST_PIECE_BYTES[stream]);
    let end: number | null = null;
    let isCutAtEnd = false;
    for (let at = offset; ; ) {
      const rings = bell.rings();
      if (isEnded) end ??= (await stat(file.fd)).size;
      const length = end === null ? buffer.length : Math.min(buffer.length, Math.max(0, end - at));
      const { bytesRead } = length === 0 ? { bytesRead: 0 } : await read(file.fd, buffer, 0, length, at);
      if (abort?.aborted) return;
      if (bytesRead === 0) {
        // repeated truncation must not keep this going forever
        if (!isCutAtEnd && (await stat(file.fd)).size < at) {
          yield remark(stream, 'was cut short; what was not read before is missing here');
          at = 0;
          isCutAtEnd = end !== null;
        } else if (end !== null) return;
        else await bell.heard(rings);
        continue;
      }
      const hole = isBlank(buffer, bytesRead) ? await holeBehind(file.fd, at) : 0;
      if (hole > 0) {
        yield remark(
          stream,
          `was made ${hole} bytes longer without anything being written; they are left out`,
        );
        at += hole;
        continue;
      }
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
      if (bytesRead === buffer.length && bytesRead < PIECE_BYTES) buffer = Buffer.allocUnsafe(PIECE_BYTES);
    }
  } finally {
    clearInterval(poll);
    watcher?.close();
    abort?.removeEventListener('abort', bell.ring);
    file.release();
  }
}

/** Resolves at the first of the two. */
async function endedOrAborted(ended: Promise<unknown>, abort?: AbortSignal): Promise<void> {
  if (abort?.aborted) return;
  await new Promise<void>((resolve) => {
    abort?.addEventListener('abort', () => resolve(), { once: true });
    void ended.then(() => resolve());
  });
}

function remark(stream: LogStream, text: string): Uint8Array {
  return Buffer.from(`\n[Sible: its ${stream} file ${text}]\n`);
}

function isBlank(buffer: Buffer, length: number): boolean {
  return (
    length >= MIN_BLANK_BYTES && buffer[0] === 0 && buffer.compare(buffer, 0, length - 1, 1, length) === 0
  );
}

/** Size of the hole at `at`, assuming that all allocated blocks lie after it; 0 when there is none. */
async function holeBehind(fd: number, at: number): Promise<number> {
  const { size, blocks } = await stat(fd);
  const hole = size - blocks * BLOCK_BYTES - at;
  return hole >= MIN_HOLE_BYTES ? hole : 0;
}

/** A bell whose rings are never missed: a wait ends at once if it rang since `seen`. */
function createBell() {
  let count = 0;
  let resume: (() => void) | null = null;
  return {
    ring: () => {
      count += 1;
      resume?.();
      resume = null;
    },
    rings: () => count,
    heard: (seen: number) =>
      count !== seen
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            resume = resolve;
          }),
  };
}

/** Null when the system has no watches left: then only the poll remains. */
function watchQuietly(path: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
