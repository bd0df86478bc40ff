import { setTimeout as delay } from 'node:timers/promises';
import { describeGap } from '../../domain/logs/log-limit.ts';
import { createLogSplitter, type SplitLines } from '../../domain/logs/log-splitter.ts';
import { LOG_STREAMS, type LogHead, type LogStream } from '../../domain/logs/run-log.ts';
import type { RunProcess } from '../../runner/runner.ts';
import type { RunLogStore } from '../../storage/storage.ts';
import type { LogTimings } from '../../timings.ts';
import type { LogWatches } from './log-watches.ts';

export interface LogStoringOptions {
  readonly runLogs: Pick<RunLogStore, 'append' | 'head'>;
  /** Those who read the stream. */
  readonly watches: Readonly<Record<LogStream, Pick<LogWatches, 'markWriting' | 'appended' | 'changed'>>>;
  readonly timings: LogTimings;
  /** Reports a failure that will be retried. */
  onError(error: unknown, during: string): void;
}

const NOTHING_STORED: LogHead = { totalLines: 0, endOffset: 0 };

/**
 * @returns a function that stores everything that a process writes to its streams, each from where the store
 * left off, until it has ended. While the database is unreachable it waits: the kernel keeps the written bytes
 * in the spool files. Rejects only when `signal` aborts.
 */
export function createLogStoring({ runLogs, watches, timings, onError }: LogStoringOptions) {
  /** One pass from the end of the stored log. @returns whether all is stored; false: another pass is needed */
  async function storeFrom(
    head: LogHead,
    process: RunProcess,
    stream: LogStream,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { runId } = process;
    const readers = watches[stream];
    let splitter = createLogSplitter(head.endOffset);
    let firstLine = head.totalLines + 1;
    const append = async (lines: SplitLines | null): Promise<boolean> => {
      if (lines === null) return true;
      if (!(await runLogs.append(runId, stream, { firstLine, ...lines, writtenAt: new Date() }))) {
        readers.changed(runId);
        return false;
      }
      const { lineCount, bytes } = lines;
      const { buffer, byteOffset, length } = bytes;
      readers.appended(runId, { firstLine, lineCount, bytes: Buffer.from(buffer, byteOffset, length) });
      firstLine += lineCount;
      return true;
    };
    for await (const piece of process.read(stream, head.endOffset, signal)) {
      if (piece instanceof Uint8Array) {
        if (!(await append(splitter.push(piece)))) return false;
        continue;
      }
      const rest = splitter.end();
      // the line that the head ended in is left out as a whole, unless it is too long for that
      if (rest && rest.endOffset <= piece.from && !(await append(rest))) return false;
      const remark = Buffer.from(describeGap(piece, firstLine - 1));
      if (!(await append({ lineCount: 1, bytes: remark, endOffset: piece.to }))) return false;
      splitter = createLogSplitter(piece.to);
    }
    signal.throwIfAborted();
    return append(splitter.end());
  }

  async function storeStream(
    process: RunProcess,
    stream: LogStream,
    isNew: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { runId } = process;
    for (let head: LogHead | null = isNew ? NOTHING_STORED : null; ; head = null) {
      try {
        head ??= await runLogs.head(runId, stream);
        // false: the answer was lost although the lines were stored; continue from what is stored
        if (await storeFrom(head, process, stream, signal)) return;
      } catch (error) {
        signal.throwIfAborted();
        onError(error, `storing the ${stream} of run ${runId}`);
        await delay(timings.retryMs, undefined, { signal });
      }
    }
  }

  /** @param isNew whether nothing of it can have been stored yet */
  return async function storeAll(process: RunProcess, isNew: boolean, signal: AbortSignal): Promise<void> {
    const endings = LOG_STREAMS.map((stream) => watches[stream].markWriting(process.runId));
    try {
      const ends = await Promise.allSettled(
        LOG_STREAMS.map((stream) => storeStream(process, stream, isNew, signal)),
      );
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    } finally {
      for (const endWriting of endings) endWriting();
    }
  };
}
