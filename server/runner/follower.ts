import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { codeOf } from '../domain/caught.ts';

/** What is stored and read at once; more makes nothing faster, and garbage of it takes memory. */
const PIECE_BYTES = 524_288;
/** Most programs print less; one that prints more gets the whole piece. */
const FIRST_PIECE_BYTES = 65_536;
/** In case the file system does not tell of changes (network file systems do not). */
const POLL_MS = 250;

/**
 * The bytes of a growing file from `offset` on, until `ended` and then to its end.
 * A piece is a view of one buffer that the next piece overwrites.
 */
export async function* followFile(
  path: string,
  offset: number,
  ended: Promise<unknown>,
  abort?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const bell = createBell();
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
    bell.ring();
  });
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    // somebody removed it, and nobody makes it again: what it held is all that is stored of it
    if (isEnded && codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const watcher = watchQuietly(path, bell.ring);
  const poll = setInterval(bell.ring, POLL_MS);
  abort?.addEventListener('abort', bell.ring);
  try {
    let buffer = Buffer.allocUnsafe(FIRST_PIECE_BYTES);
    for (let at = offset; ; ) {
      // noted before the read: what was written before the end is read after it
      const wasEnded = isEnded;
      const rings = bell.rings();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (abort?.aborted) return;
      if (bytesRead > 0) {
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
        if (bytesRead === buffer.length && bytesRead < PIECE_BYTES) buffer = Buffer.allocUnsafe(PIECE_BYTES);
      } else if (wasEnded) return;
      else await bell.heard(rings);
    }
  } finally {
    clearInterval(poll);
    watcher?.close();
    abort?.removeEventListener('abort', bell.ring);
    await file.close();
  }
}

/** A bell that is not missed: waiting for it ends at once when it rang since `seen`. */
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

/** Null when there are no more watches to be had: the poll does it alone then. */
function watchQuietly(path: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return null;
  }
}
