import { setTimeout as delay } from 'node:timers/promises';
import { createLogSplitter, type SplitLines } from '../../domain/logs/log-splitter.ts';
import type { LogHead } from '../../domain/logs/run-log.ts';
import type { RunProcess } from '../../runner/runner.ts';
import type { RunLogStore } from '../../storage/storage.ts';
import type { LogTimings } from '../../timings.ts';
import type { LogWatches } from './log-watches.ts';

export interface LogStoringOptions {
  readonly runLogs: Pick<RunLogStore, 'append' | 'head'>;
  readonly watches: Pick<LogWatches, 'markWriting' | 'appended' | 'changed'>;
  readonly timings: LogTimings;
  /** Something failed that will be tried again. */
  onError(error: unknown, during: string): void;
}

const NOTHING_STORED: LogHead = { totalLines: 0, endOffset: 0 };

/**
 * @returns stores all that a process prints, from where the store stands, until it has ended. While the database cannot be
 * reached it waits: the kernel keeps the output in the spool file. Rejects only when `signal` aborts.
 */
export function createLogStoring({ runLogs, watches, timings, onError }: LogStoringOptions) {
  /** One pass from where the store stands. @returns whether all is stored; false: another pass is needed */
  async function storeFrom(head: LogHead, process: RunProcess, signal: AbortSignal): Promise<boolean> {
    const { runId } = process;
    const splitter = createLogSplitter(head.endOffset);
    let firstLine = head.totalLines + 1;
    const append = async (lines: SplitLines | null): Promise<boolean> => {
      if (lines === null) return true;
      if (!(await runLogs.append(runId, { firstLine, ...lines }))) {
        watches.changed(runId);
        return false;
      }
      const { lineCount, bytes } = lines;
      const { buffer, byteOffset, length } = bytes;
      watches.appended(runId, { firstLine, lineCount, bytes: Buffer.from(buffer, byteOffset, length) });
      firstLine += lineCount;
      return true;
    };
    for await (const bytes of process.output(head.endOffset, signal)) {
      if (!(await append(splitter.push(bytes)))) return false;
    }
    signal.throwIfAborted();
    return append(splitter.end());
  }

  /** @param isNew whether nothing of it can be stored yet */
  return async function storeAll(process: RunProcess, isNew: boolean, signal: AbortSignal): Promise<void> {
    const { runId } = process;
    const endWriting = watches.markWriting(runId);
    try {
      for (let head: LogHead | null = isNew ? NOTHING_STORED : null; ; head = null) {
        try {
          head ??= await runLogs.head(runId);
          // false: an answer was lost and the lines were stored all the same; go on from what is stored
          if (await storeFrom(head, process, signal)) return;
        } catch (error) {
          signal.throwIfAborted();
          onError(error, `storing the log of run ${runId}`);
          await delay(timings.retryMs, undefined, { signal });
        }
      }
    } finally {
      endWriting();
    }
  };
}
