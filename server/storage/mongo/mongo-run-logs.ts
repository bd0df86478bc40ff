import { Binary, type Db, MongoServerError } from 'mongodb';
import { readChunks } from '../../domain/log-chunk.ts';
import type { LogHead } from '../../domain/run-log.ts';
import type { RunLogStore } from '../storage.ts';
import type { ChunkDocument } from './mongo-documents.ts';

const DUPLICATE_KEY = 11_000;

export async function createMongoRunLogs(db: Db): Promise<RunLogStore> {
  const chunks = db.collection<ChunkDocument>('runLogs');
  await chunks.createIndex({ runId: 1, firstLine: 1 });
  /** Heads of the runs that this process writes: saves the question before each chunk. */
  const written = new Map<string, LogHead>();

  async function head(runId: string): Promise<LogHead> {
    const last = await chunks.findOne(
      { runId: { $eq: runId } },
      { sort: { firstLine: -1 }, projection: { text: 0 } },
    );
    if (!last) return { totalLines: 0, endOffset: 0 };
    return { totalLines: last.firstLine + last.lineCount - 1, endOffset: last.endOffset };
  }

  return {
    /**
     * The unique key alone keeps two writers apart: each begins where a chunk ended when it looked, and if the other one was
     * faster there is a chunk that begins at that very line. The key is `_id` and no second index: two unique indexes make
     * servers that keep MongoDB's documents in PostgreSQL answer two such writers with a deadlock.
     */
    async append(runId, chunk) {
      const known = written.get(runId) ?? (await head(runId));
      const isNext =
        known.totalLines + 1 === chunk.firstLine || (await head(runId)).totalLines + 1 === chunk.firstLine;
      if (!isNext) return false;
      const { firstLine, lineCount, endOffset } = chunk;
      try {
        const text = new Binary(Buffer.from(chunk.text, 'utf8'));
        await chunks.insertOne({
          _id: `${runId}:${firstLine}`,
          runId,
          firstLine,
          lineCount,
          endOffset,
          text,
        });
      } catch (error) {
        written.delete(runId);
        if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
        throw error;
      }
      // a few at most are written at a time; those of ended runs must not stay
      if (written.size > 1_000) written.clear();
      written.set(runId, { totalLines: firstLine + lineCount - 1, endOffset });
      return true;
    },

    read: (runId, after, limits) =>
      readChunks(after, limits, async (line) => {
        const chunk = await chunks.findOne(
          { runId: { $eq: runId }, firstLine: { $lte: line } },
          { sort: { firstLine: -1 } },
        );
        if (!chunk || chunk.firstLine + chunk.lineCount <= line) return null;
        return {
          firstLine: chunk.firstLine,
          lineCount: chunk.lineCount,
          bytes: Buffer.from(chunk.text.buffer),
        };
      }),

    head,
    heads: async (runIds) =>
      new Map(await Promise.all(runIds.map(async (id) => [id, await head(id)] as const))),
  };
}
