import type { LogReadLimits } from './run-log.ts';

const NEWLINE = 10;

/** Lines taken out of the bytes of a chunk. */
export interface TakenLines {
  readonly lineCount: number;
  /** With the line ends between and behind them; 0 when none was taken. */
  readonly byteCount: number;
  readonly text: string;
}

/**
 * The lines of a chunk behind `skip` of them, as many as the limits allow.
 * @param chunk UTF-8 lines joined by "\n", more than `skip` of them
 * @param mustTake whether the first one is taken also when it is longer than the limit
 */
export function takeLines(chunk: Buffer, skip: number, limits: LogReadLimits, mustTake: boolean): TakenLines {
  let start = 0;
  for (let skipped = 0; skipped < skip; skipped += 1) start = chunk.indexOf(NEWLINE, start) + 1;
  let end = start;
  let lineCount = 0;
  for (let at = start; lineCount < limits.maxLines; ) {
    const newline = chunk.indexOf(NEWLINE, at);
    const lineEnd = newline === -1 ? chunk.length : newline;
    if (lineEnd - start + 1 > limits.maxBytes && !(mustTake && lineCount === 0)) break;
    end = lineEnd;
    lineCount += 1;
    if (newline === -1) break;
    at = newline + 1;
  }
  return {
    lineCount,
    byteCount: lineCount === 0 ? 0 : end - start + 1,
    text: chunk.toString('utf8', start, end),
  };
}

/** A chunk as a store keeps it. */
export interface StoredChunk {
  readonly firstLine: number;
  readonly lineCount: number;
  readonly bytes: Buffer;
}

/**
 * Reads lines behind `after` out of chunks that lie one behind the other.
 * @param chunkAt the chunk that holds a line; null when there is none
 */
export async function readChunks(
  after: number,
  limits: LogReadLimits,
  chunkAt: (line: number) => Promise<StoredChunk | null> | StoredChunk | null,
): Promise<{ readonly firstLine: number; readonly lineCount: number; readonly text: string }> {
  const parts: string[] = [];
  let lineCount = 0;
  let byteCount = 0;
  while (lineCount < limits.maxLines) {
    const line = after + lineCount + 1;
    const chunk = await chunkAt(line);
    if (chunk === null) break;
    const left = { maxLines: limits.maxLines - lineCount, maxBytes: limits.maxBytes - byteCount };
    const taken = takeLines(chunk.bytes, line - chunk.firstLine, left, lineCount === 0);
    if (taken.lineCount === 0) break;
    parts.push(taken.text);
    lineCount += taken.lineCount;
    byteCount += taken.byteCount;
    // the limits ended it inside the chunk
    if (line + taken.lineCount < chunk.firstLine + chunk.lineCount) break;
  }
  return { firstLine: after + 1, lineCount, text: parts.join('\n') };
}
