import { readChunks } from '../../domain/log-chunk.ts';
import type { LogHead } from '../../domain/run-log.ts';
import type { RunLogStore } from '../storage.ts';
import type { Statements } from './sqlite-statements.ts';

interface ChunkRow {
  first_line: number;
  line_count: number;
  text: Uint8Array;
}

const HEAD =
  'SELECT first_line, line_count, end_offset FROM log_chunks WHERE run_id = ? ORDER BY first_line DESC LIMIT 1';
const CHUNK_AT =
  'SELECT first_line, line_count, text FROM log_chunks WHERE run_id = ? AND first_line <= ? ORDER BY first_line DESC LIMIT 1';

export function createSqliteRunLogs(statements: Statements): RunLogStore {
  const head = (runId: string): LogHead => {
    const last = statements.get<{ first_line: number; line_count: number; end_offset: number }>(HEAD, runId);
    if (!last) return { totalLines: 0, endOffset: 0 };
    return { totalLines: last.first_line + last.line_count - 1, endOffset: last.end_offset };
  };

  return {
    async append(runId, chunk) {
      return statements.transaction(() => {
        if (head(runId).totalLines + 1 !== chunk.firstLine) return false;
        statements.run(
          'INSERT INTO log_chunks (run_id, first_line, line_count, end_offset, text) VALUES (?, ?, ?, ?, ?)',
          runId,
          chunk.firstLine,
          chunk.lineCount,
          chunk.endOffset,
          Buffer.from(chunk.text, 'utf8'),
        );
        return true;
      });
    },

    read: (runId, after, limits) =>
      readChunks(after, limits, (line) => {
        const row = statements.get<ChunkRow>(CHUNK_AT, runId, line);
        if (!row || row.first_line + row.line_count <= line) return null;
        return { firstLine: row.first_line, lineCount: row.line_count, bytes: Buffer.from(row.text) };
      }),

    head: async (runId) => head(runId),
    heads: async (runIds) => new Map(runIds.map((id) => [id, head(id)])),
  };
}
