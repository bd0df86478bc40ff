import { type FSWatcher, read as readFromFd, fstat as statFd, watch } from 'node:fs';
import { promisify } from 'node:util';
import type { LogStream } from '../../domain/logs/run-log.ts';
import type { StreamPiece } from '../runner.ts';
import { holeAt } from './holes.ts';
import type { HeldFile } from './stream-file.ts';
import type { StreamLimit } from './stream-limit.ts';

/** Bytes stored and read at once; more is not faster, and the garbage takes memory. */
const PIECE_BYTES = 524_288;
/** Most programs write less; one that writes more gets the full size. */
const FIRST_PIECE_BYTES: Readonly<Record<LogStream, number>> = { output: 65_536, events: 4_096 };
/** For file systems without change notifications, such as network ones. Nobody waits for events. */
const POLL_MS: Readonly<Record<LogStream, number>> = { output: 250, events: 2_000 };

const read = promisify(readFromFd);
const stat = promisify(statFd);

/**
 * Tails a growing file from `offset` to its size when `ended` resolves: an orphan may write forever. Stays with
 * the file that was opened, whatever has its name by then. If someone truncates it, or extends it without
 * writing, a line says so, and the tail continues with what is written from there on. Where it exceeds its
 * limit, the head is followed by the gap and the tail once `ended` resolves. A piece is a view of one buffer
 * that the next piece overwrites.
 * @param file null when there is none: nothing is left of it but what is already stored
 */
export async function* followFile(
  stream: LogStream,
  file: HeldFile | null,
  offset: number,
  ended: Promise<unknown>,
  limit: StreamLimit,
  abort?: AbortSignal,
): AsyncGenerator<StreamPiece, void, undefined> {
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
  const headEnd = limit.headEnd(offset);
  /** What may still be read of the head: someone may write it again and again. */
  let left = headEnd - offset;
  let isCut = false;
  let isInTail = false;
  try {
    let buffer = Buffer.allocUnsafe(FIRST_PIECE_BYTES[stream]);
    let end: number | null = null;
    let isCutAtEnd = false;
    for (let at = offset; ; ) {
      const rings = bell.rings();
      if (isEnded) end ??= (await stat(file.fd)).size;
      if (left <= 0 && !isInTail) {
        watcher?.close();
        clearInterval(poll);
        await endedOrAborted(ended, abort);
        if (abort?.aborted) return;
        end ??= (await stat(file.fd)).size;
        if (isCut) {
          yield remark(stream, 'went beyond its limit after that; the rest is left out');
          return;
        }
        const rest = await limit.restOf(file.fd, offset, end);
        if (rest.gap) yield rest.gap;
        at = rest.gap?.to ?? at;
        end = rest.end;
        isInTail = true;
      }
      const available = Math.max(0, (end ?? Number.MAX_SAFE_INTEGER) - at);
      const length = Math.min(buffer.length, available, isInTail ? available : left);
      const { bytesRead } = length === 0 ? { bytesRead: 0 } : await read(file.fd, buffer, 0, length, at);
      if (abort?.aborted) return;
      if (bytesRead === 0) {
        if (isInTail) return;
        // repeated truncation must not keep this going forever
        if (!isCutAtEnd && (await stat(file.fd)).size < at) {
          yield remark(stream, 'was cut short; what was not read before is missing here');
          at = 0;
          isCut = true;
          isCutAtEnd = end !== null;
        } else if (end !== null) return;
        else await bell.heard(rings);
        continue;
      }
      left -= bytesRead;
      const hole = await holeAt(file.fd, at, buffer, bytesRead, limit.punchedBytes());
      if (hole > 0) {
        yield remark(
          stream,
          `was made ${hole} bytes longer without anything being written; they are left out`,
        );
        at += hole;
        // what follows is at other offsets than the limit counts with
        isCut = true;
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
