import { readChunks, type StoredChunk } from '../../domain/logs/log-chunk.ts';
import type { LogHead } from '../../domain/logs/run-log.ts';
import { createUnpacker, packBytes } from '../log-codec.ts';
import type { RunLogStore } from '../storage.ts';
import type { Statements } from './sqlite-statements.ts';

interface ChunkRow {
  first_line: number;
  line_count: number;
  /** The driver gives either. */
  text: ArrayBuffer | Buffer;
  is_deflated: number;
}

const HEAD =
  'SELECT first_line, line_count, end_offset FROM log_chunks WHERE run_id = ? ORDER BY first_line DESC LIMIT 1';
const CHUNKS_BEHIND =
  'SELECT first_line, line_count, text, is_deflated FROM log_chunks WHERE run_id = ? AND first_line > ? ORDER BY first_line LIMIT ?';
const CHUNK_AT =
  'SELECT first_line, line_count, text, is_deflated FROM log_chunks WHERE run_id = ? AND first_line <= ? ORDER BY first_line DESC LIMIT 1';

export function createSqliteRunLogs(statements: Statements): RunLogStore {
  const head = (runId: string): LogHead => {
    const last = statements.get<{ first_line: number; line_count: number; end_offset: number }>(HEAD, runId);
    if (!last) return { totalLines: 0, endOffset: 0 };
    return { totalLines: last.first_line + last.line_count - 1, endOffset: last.end_offset };
  };

  const unpack = createUnpacker();
  const toChunk = (runId: string, { first_line, line_count, text, is_deflated }: ChunkRow): StoredChunk => ({
    firstLine: first_line,
    lineCount: line_count,
    bytes: unpack(`${runId} ${first_line}`, {
      bytes: text instanceof ArrayBuffer ? Buffer.from(text) : text,
      isDeflated: is_deflated === 1,
    }),
  });

  return {
    async append(runId, chunk) {
      const { bytes, isDeflated } = await packBytes(chunk.bytes);
      return statements.grouped(() => {
        if (head(runId).totalLines + 1 !== chunk.firstLine) return false;
        statements.run(
          'INSERT INTO log_chunks (run_id, first_line, line_count, end_offset, text, is_deflated) VALUES (?, ?, ?, ?, ?, ?)',
          runId,
          chunk.firstLine,
          chunk.lineCount,
          chunk.endOffset,
          bytes,
          Number(isDeflated),
        );
        return true;
      });
    },

    read: (runId, after, limits) =>
      readChunks(after, limits, (line, limit) => {
        const first = statements.get<ChunkRow>(CHUNK_AT, runId, line);
        if (!first || first.first_line + first.line_count <= line) return [];
        const behind =
          limit > 1 ? statements.all<ChunkRow>(CHUNKS_BEHIND, runId, first.first_line, limit - 1) : [];
        return [first, ...behind].map((row) => toChunk(runId, row));
      }),

    head: async (runId) => head(runId),
    heads: async (runIds) => new Map(runIds.map((id) => [id, head(id)])),
  };
}
