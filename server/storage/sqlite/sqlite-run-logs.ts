import { readChunks, type StoredChunk } from '../../domain/logs/log-chunk.ts';
import type {
  LogChunk,
  LogHead,
  LogReadLimits,
  LogStream,
  LogTime,
  StoredLines,
} from '../../domain/logs/run-log.ts';
import { createUnpacker, packBytes } from '../log-codec.ts';
import type { PackedChunk, RunLogStore } from '../storage.ts';
import type { Statements } from './sqlite-statements.ts';

interface ChunkRow {
  first_line: number;
  line_count: number;
  /** The driver returns either. */
  text: ArrayBuffer | Buffer;
  is_deflated: number;
}

/** One table per stream: another key column would have copied all logs of earlier versions. */
export const LOG_TABLES: Readonly<Record<LogStream, string>> = {
  output: 'log_chunks',
  events: 'event_chunks',
};

export function createSqliteRunLogs(statements: Statements): RunLogStore {
  const logs: Readonly<Record<LogStream, Log>> = {
    output: createLog(statements, LOG_TABLES.output),
    events: createLog(statements, LOG_TABLES.events),
  };
  return {
    append: (runId, stream, chunk) => logs[stream].append(runId, chunk),
    read: (runId, stream, after, limits) => logs[stream].read(runId, after, limits),
    chunks: async (runId, stream, line, limit) => logs[stream].chunks(runId, line, limit),
    times: async (runId, stream, from, to, limit) => logs[stream].times(runId, from, to, limit),
    head: async (runId, stream) => logs[stream].head(runId),
    heads: async (runIds, stream) => new Map(runIds.map((id) => [id, logs[stream].head(id)])),
  };
}

type Log = ReturnType<typeof createLog>;

function createLog(statements: Statements, table: string) {
  const HEAD = `SELECT first_line, line_count, end_offset FROM ${table} WHERE run_id = ? ORDER BY first_line DESC LIMIT 1`;
  const CHUNKS_BEHIND = `SELECT first_line, line_count, text, is_deflated FROM ${table} WHERE run_id = ? AND first_line > ? ORDER BY first_line LIMIT ?`;
  const CHUNK_AT = `SELECT first_line, line_count, text, is_deflated FROM ${table} WHERE run_id = ? AND first_line <= ? ORDER BY first_line DESC LIMIT 1`;
  const TIMES = `SELECT first_line, written_at FROM ${table} WHERE run_id = ? AND first_line >= ifnull(
    (SELECT max(first_line) FROM ${table} WHERE run_id = ? AND first_line <= ?), 0) AND first_line <= ? ORDER BY first_line LIMIT ?`;
  const INSERT = `INSERT INTO ${table} (run_id, first_line, line_count, end_offset, text, is_deflated, written_at) VALUES (?, ?, ?, ?, ?, ?, ?)`;
  const head = (runId: string): LogHead => {
    const last = statements.get<{ first_line: number; line_count: number; end_offset: number }>(HEAD, runId);
    if (!last) return { totalLines: 0, endOffset: 0 };
    return { totalLines: last.first_line + last.line_count - 1, endOffset: last.end_offset };
  };

  const unpack = createUnpacker();
  const toPacked = ({ first_line, line_count, text, is_deflated }: ChunkRow): PackedChunk => ({
    firstLine: first_line,
    lineCount: line_count,
    bytes: text instanceof ArrayBuffer ? Buffer.from(text) : text,
    isDeflated: is_deflated === 1,
  });
  const toChunk = (runId: string, packed: PackedChunk): StoredChunk => ({
    firstLine: packed.firstLine,
    lineCount: packed.lineCount,
    bytes: unpack(`${runId} ${packed.firstLine}`, packed),
  });

  function chunks(runId: string, line: number, limit: number): PackedChunk[] {
    const first = statements.get<ChunkRow>(CHUNK_AT, runId, line);
    if (!first || first.first_line + first.line_count <= line) return [];
    const behind =
      limit > 1 ? statements.all<ChunkRow>(CHUNKS_BEHIND, runId, first.first_line, limit - 1) : [];
    return [first, ...behind].map(toPacked);
  }

  return {
    async append(runId: string, chunk: LogChunk): Promise<boolean> {
      const { bytes, isDeflated } = await packBytes(chunk.bytes);
      return statements.grouped(() => {
        if (head(runId).totalLines + 1 !== chunk.firstLine) return false;
        statements.run(
          INSERT,
          runId,
          chunk.firstLine,
          chunk.lineCount,
          chunk.endOffset,
          bytes,
          Number(isDeflated),
          chunk.writtenAt?.getTime() ?? null,
        );
        return true;
      });
    },

    read: (runId: string, after: number, limits: LogReadLimits): Promise<StoredLines> =>
      readChunks(after, limits, (line, limit) =>
        chunks(runId, line, limit).map((packed) => toChunk(runId, packed)),
      ),
    chunks,

    times: (runId: string, from: number, to: number, limit: number): LogTime[] =>
      statements
        .all<{ first_line: number; written_at: number | null }>(TIMES, runId, runId, from, to, limit)
        .map(({ first_line, written_at }) => ({
          firstLine: Math.max(from, first_line),
          writtenAt: written_at === null ? null : new Date(written_at),
        })),

    head,
  };
}
