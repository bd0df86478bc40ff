import type { LogReadLimits, StoredLines } from './run-log.ts';

const NEWLINE = 10;

/** Lines extracted from the bytes of a chunk. */
export interface TakenLines {
  readonly lineCount: number;
  /** Including the newlines between and after them; 0 when none was taken. */
  readonly byteCount: number;
  readonly text: string;
}

/**
 * Takes lines of a chunk after the first `skip`, as many as the limits allow.
 * @param chunk UTF-8 lines joined by "\n", more than `skip` of them
 * @param mustTake whether to take the first line even if it exceeds the limit
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

/** A chunk as stored. */
export interface StoredChunk {
  readonly firstLine: number;
  readonly lineCount: number;
  readonly bytes: Buffer;
}

const MAX_CHUNKS = 256;

/**
 * Reads the lines after `after` from consecutive chunks.
 * @param chunksFrom fetches the chunk that holds a line and those after it, at most `limit`; none when there
 * is none
 */
export async function readChunks(
  after: number,
  limits: LogReadLimits,
  chunksFrom: (line: number, limit: number) => Promise<readonly StoredChunk[]> | readonly StoredChunk[],
): Promise<StoredLines> {
  const parts: string[] = [];
  let lineCount = 0;
  let byteCount = 0;
  const linesSoFar = (isCut: boolean) => ({
    firstLine: after + 1,
    lineCount,
    text: parts.join('\n'),
    isCut,
  });
  // a log may consist of few large chunks or of many single lines, so each further query asks for more
  for (let limit = 1; ; limit = Math.min(limit * 4, MAX_CHUNKS)) {
    const chunks = await chunksFrom(after + lineCount + 1, limit);
    for (const chunk of chunks) {
      const line = after + lineCount + 1;
      const left = { maxLines: limits.maxLines - lineCount, maxBytes: limits.maxBytes - byteCount };
      const taken = takeLines(chunk.bytes, line - chunk.firstLine, left, lineCount === 0);
      if (taken.lineCount > 0) parts.push(taken.text);
      lineCount += taken.lineCount;
      byteCount += taken.byteCount;
      // a limit was reached inside the chunk
      if (line + taken.lineCount < chunk.firstLine + chunk.lineCount) return linesSoFar(true);
    }
    if (lineCount >= limits.maxLines) return linesSoFar(true);
    if (chunks.length < limit) return linesSoFar(false);
  }
}
