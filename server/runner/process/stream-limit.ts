import { fstatSync, read as readFromFd } from 'node:fs';
import { promisify } from 'node:util';
import { messageOf } from '../../domain/caught.ts';
import type { LogGap, LogLimit } from '../../domain/logs/log-limit.ts';
import { type LogStream, MAX_LINE_BYTES } from '../../domain/logs/run-log.ts';
import { countNewlines } from './count-newlines.ts';
import { holeAt, punchHole } from './holes.ts';
import type { Spool } from './spool.ts';

/**
 * Keeps the file of one stream within its limit while its program writes to it. What lies between the head and
 * the last `tailBytes` is counted and then given back to the disk, in this order: counted, noted in the spool
 * folder, punched out. A server that comes back goes on from the note, so nothing is counted twice or never.
 */
export interface StreamLimit {
  /**
   * Where a reader that begins at `offset` must stop until the stream has ended. That is `offset` itself where
   * an earlier server, with a larger limit, has read more.
   */
  headEnd(offset: number): number;
  /**
   * What a reader that began at `offset` reads behind `headEnd(offset)`, now that the stream has ended at `end`.
   * @param fd the stream's file
   */
  restOf(fd: number, offset: number, end: number): Promise<StreamRest>;
  /** So much of the file was punched out, at most. */
  punchedBytes(): number;
  /** The program has ended; nothing is punched out from now on. */
  stop(): void;
}

export interface StreamRest {
  /** What is left out before it; null: nothing, or the reader began behind it. */
  readonly gap: LogGap | null;
  /** Where it ends. */
  readonly end: number;
}

export interface StreamLimitOptions {
  readonly spool: Pick<Spool, 'hold' | 'readLeftOut' | 'noteLeftOut'>;
  readonly stream: LogStream;
  readonly limit: LogLimit;
  /** Aborts when the server stops: the next one goes on. */
  readonly closing: AbortSignal;
  warn(what: string, error: unknown): void;
}

const LOOK_MS = 250;
/** Between looks at a file that is about to need it. */
const SOON_MS = 25;
const PIECE_BYTES = 1_048_576;
const MAX_STEP_BYTES = 67_108_864;
const PAGE_BYTES = 4_096;
/** A program may be ahead of counting by as much, or by the limit if that is more. */
const MIN_CEILING_BYTES = 1_073_741_824;

const read = promisify(readFromFd);

export function createStreamLimit(options: StreamLimitOptions): StreamLimit {
  const { spool, stream, limit, closing, warn } = options;
  const { tailBytes } = limit;
  /** So much is punched out at once: each costs a process. */
  const stepBytes = Math.max(PAGE_BYTES, Math.min(MAX_STEP_BYTES, Math.floor(tailBytes / 2)));
  const noted = spool.readLeftOut(stream);
  let head = noted?.head ?? limit.headBytes;
  let lineCount = noted?.lineCount ?? 0;
  let uncountedBytes = noted?.uncountedBytes ?? 0;
  /** Up to where lines are counted; null: nothing is yet. */
  let counted = noted?.counted ?? null;
  let ceiling = Math.max(MIN_CEILING_BYTES, limit.headBytes + tailBytes);
  let hasWarned = false;

  const file = spool.hold(stream);
  let isStopped = file === null;
  let timer: NodeJS.Timeout | undefined;
  let work: Promise<void> = Promise.resolve();
  if (file) {
    ceiling = Math.max(ceiling, fstatSync(file.fd).size);
    // without a note, a reader has to say first how much of the head is stored
    if (noted) lookIn(LOOK_MS);
  }

  const punchedBytes = () => (counted === null ? 0 : Math.max(0, counted - head));

  function lookIn(ms: number): void {
    timer = setTimeout(look, ms).unref();
  }

  function look(): void {
    if (!file || isStopped || closing.aborted) return;
    const { size } = fstatSync(file.fd);
    const target = size - tailBytes;
    if (target - (counted ?? head) < stepBytes) {
      lookIn(size > head / 2 ? SOON_MS : LOOK_MS);
      return;
    }
    work = leaveOut(file.fd, target).then(
      () => lookIn(0),
      (error: unknown) => {
        warnOnce(error);
        lookIn(LOOK_MS);
      },
    );
  }

  function warnOnce(error: unknown): void {
    if (!hasWarned) warn(`Keeping the ${stream} of a run within its limit`, error);
    hasWarned = true;
  }

  async function leaveOut(fd: number, target: number): Promise<void> {
    const from = counted ?? (await lineStartBefore(fd, head));
    if (target - from > ceiling) {
      uncountedBytes += target - from;
      counted = target;
    } else await countTo(fd, target);
    if (isStopped || closing.aborted) return;
    try {
      spool.noteLeftOut(stream, { head, counted: counted ?? from, lineCount, uncountedBytes });
    } catch (error) {
      // only a crash would need it, and a full disk needs what follows
      warnOnce(`it cannot be noted (${messageOf(error)})`);
    }
    await punchHole(fd, head, counted ?? from);
  }

  async function countTo(fd: number, target: number): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    counted ??= await lineStartBefore(fd, head);
    while (counted < target) {
      const { bytesRead } = await read(fd, buffer, 0, Math.min(buffer.length, target - counted), counted);
      // it was cut short
      if (bytesRead === 0) return;
      const hole = await holeAt(fd, counted, buffer, bytesRead, punchedBytes());
      if (hole === 0) lineCount += countNewlines(buffer, bytesRead);
      counted += hole === 0 ? bytesRead : Math.min(hole, target - counted);
    }
  }

  async function findGap(fd: number, end: number): Promise<LogGap | null> {
    await work;
    if (end <= head + tailBytes) return null;
    const from = await lineStartBefore(fd, head);
    const to = await lineStartAfter(fd, Math.max(end - tailBytes, counted ?? from));
    await countTo(fd, to);
    return { from, to, lineCount, uncountedBytes, limit };
  }

  return {
    headEnd(offset) {
      if (counted === null) head = Math.max(head, offset);
      if (timer === undefined && !isStopped) lookIn(LOOK_MS);
      return Math.max(head, offset);
    },

    async restOf(fd, offset, end) {
      // it began in the tail; what was left behind may have written more since
      if (offset > head) return { gap: null, end: Math.min(end, offset + tailBytes + MAX_LINE_BYTES) };
      const gap = await findGap(fd, end);
      return { gap, end };
    },

    punchedBytes,

    stop() {
      if (isStopped) return;
      isStopped = true;
      clearTimeout(timer);
      void work.then(() => file?.release());
    },
  };
}

/** The last beginning of a line at or before `at`; `at` itself within a very long line. */
async function lineStartBefore(fd: number, at: number): Promise<number> {
  const length = Math.min(at, MAX_LINE_BYTES);
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await read(fd, buffer, 0, length, at - length);
  const newline = buffer.subarray(0, bytesRead).lastIndexOf(0x0a);
  return newline === -1 ? at : at - length + newline + 1;
}

/** The first beginning of a line at or after `at`; `at` itself within a very long line. */
async function lineStartAfter(fd: number, at: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(MAX_LINE_BYTES + 1);
  // a line may begin at `at` itself
  const { bytesRead } = await read(fd, buffer, 0, buffer.length, at - 1);
  const newline = buffer.subarray(0, bytesRead).indexOf(0x0a);
  return newline === -1 ? at : at + newline;
}
