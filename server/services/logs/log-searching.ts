import type { Actor } from '../../domain/actor.ts';
import { clip, NotFoundError } from '../../domain/errors.ts';
import {
  invalid,
  type LogMatch,
  type LogPattern,
  type LogQuery,
  patternOf,
} from '../../domain/logs/log-search.ts';
import type { PackedChunk, RunLogStore, RunStore } from '../../storage/storage.ts';
import { requireLineNumber } from './line-number.ts';
import { type SearchThread, type SearchThreads, SearchTimeoutError } from './search-threads.ts';

/** Searches stored logs, in what a reader sees: without escape sequences, the state that a "\r" leaves. */
export interface LogSearching {
  /**
   * Lines after `after` that match, over the log as it is now.
   * @param first at most this many matches, 1 or more
   * @throws {NotFoundError} @throws {InvalidInputError} also when the pattern takes too long on this log
   * @throws {InvalidStateError} when too many logs are being searched
   */
  search(
    actor: Actor,
    runId: string,
    query: LogQuery,
    after: number,
    first: number,
  ): Promise<LogSearchResult>;
}

export interface LogSearchResult {
  /** In the order of the log. */
  readonly matches: readonly LogMatch[];
  /** How many lines of the log match; null: more than 10,000, or not all of it was searched. */
  readonly totalCount: number | null;
  /** Up to this line was searched for `matches`. */
  readonly searchedLines: number;
}

export interface LogSearchingOptions {
  readonly runs: Pick<RunStore, 'findMany'>;
  readonly runLogs: Pick<RunLogStore, 'chunks'>;
  readonly threads: SearchThreads;
}

const MAX_COUNT = 10_000;
/** Then the answer holds what was found until then. */
const MAX_MS = 5_000;
const CHUNKS_AT_ONCE = 64;
/** Live lines are stored in small chunks; together they are handed over faster. */
const JOINED_BYTES = 262_144;
/** Chunks that a thread has at most before it; the rest stays in the store. */
const MAX_AHEAD = 4;

interface Part {
  readonly count: number;
  readonly matches: readonly LogMatch[];
  /** Up to this line. */
  readonly searched: number;
  /** Whether that is the end of the part. */
  readonly isWhole: boolean;
}

export function createLogSearching({ runs, runLogs, threads }: LogSearchingOptions): LogSearching {
  /** From line `from` to line `to`, until more than `maxCount` lines match and `first` of them are found. */
  async function searchPart(
    thread: SearchThread,
    runId: string,
    {
      from,
      to,
      first,
      maxCount,
      deadline,
    }: { from: number; to: number; first: number; maxCount: number; deadline: number },
  ): Promise<Part> {
    const matches: LogMatch[] = [];
    let count = 0;
    let searched = from - 1;
    let isWhole = true;
    const ahead: Promise<void>[] = [];
    const isEnough = () => performance.now() > deadline || (count > maxCount && matches.length >= first);
    try {
      for await (const chunk of joined(chunksFrom(runId, from, to))) {
        const work = thread.search(chunk, from, to, first).then((found) => {
          count += found.count;
          searched = Math.min(to, chunk.firstLine + chunk.lineCount - 1);
          if (matches.length < first) matches.push(...found.matches.slice(0, first - matches.length));
        });
        // one that fails before it is awaited
        work.catch(() => undefined);
        ahead.push(work);
        if (ahead.length >= MAX_AHEAD) await ahead.shift();
        if (isEnough()) {
          isWhole = false;
          break;
        }
      }
    } finally {
      await Promise.all(ahead);
    }
    return { count, matches, searched, isWhole };
  }

  async function* chunksFrom(
    runId: string,
    from: number,
    to: number,
  ): AsyncGenerator<PackedChunk, void, undefined> {
    for (let line = from; line <= to; ) {
      const chunks = await runLogs.chunks(runId, 'output', line, CHUNKS_AT_ONCE);
      yield* chunks;
      const last = chunks.at(-1);
      if (!last) return;
      line = last.firstLine + last.lineCount;
    }
  }

  async function searchAll(
    thread: SearchThread,
    runId: string,
    after: number,
    first: number,
  ): Promise<LogSearchResult> {
    const deadline = performance.now() + MAX_MS;
    const end = Number.MAX_SAFE_INTEGER;
    const behind = await searchPart(thread, runId, {
      from: after + 1,
      to: end,
      first,
      maxCount: MAX_COUNT,
      deadline,
    });
    const { matches, searched } = behind;
    const left = MAX_COUNT - behind.count;
    // a page behind others counts what lies before it, too
    const before =
      after > 0 && behind.isWhole && left >= 0
        ? await searchPart(thread, runId, { from: 1, to: after, first: 0, maxCount: left, deadline })
        : null;
    const count = behind.count + (before?.count ?? 0);
    const isWhole = behind.isWhole && (after === 0 || before?.isWhole === true);
    return { matches, totalCount: isWhole && count <= MAX_COUNT ? count : null, searchedLines: searched };
  }

  return {
    async search(_actor, runId, query, after, first) {
      requireLineNumber(after);
      const pattern: LogPattern = patternOf(query);
      if ((await runs.findMany([runId]))[0] === null) throw new NotFoundError('run', clip(runId));
      try {
        return await threads.lend(pattern, (thread) => searchAll(thread, runId, after, first));
      } catch (error) {
        if (error instanceof SearchTimeoutError)
          throw invalid(
            'The expression takes too long on this log; expected one that backtracks less.',
            null,
          );
        throw error;
      }
    },
  };
}

/** Joins small chunks that are not compressed. */
async function* joined(chunks: AsyncIterable<PackedChunk>): AsyncGenerator<PackedChunk, void, undefined> {
  let parts: PackedChunk[] = [];
  let bytes = 0;
  const join = (): PackedChunk => {
    const [first] = parts;
    const lineCount = parts.reduce((sum, part) => sum + part.lineCount, 0);
    const all = parts.flatMap((part, i) => (i === 0 ? [part.bytes] : [NEWLINE, part.bytes]));
    parts = [];
    bytes = 0;
    return { firstLine: first?.firstLine ?? 1, lineCount, bytes: Buffer.concat(all), isDeflated: false };
  };
  for await (const chunk of chunks) {
    if (parts.length > 0 && (chunk.isDeflated || bytes > JOINED_BYTES)) yield join();
    if (chunk.isDeflated) {
      yield chunk;
      continue;
    }
    parts.push(chunk);
    bytes += chunk.bytes.length;
  }
  if (parts.length > 0) yield join();
}

const NEWLINE = Buffer.from('\n');
