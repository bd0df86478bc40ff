import { Binary, type Collection, type Db, MongoServerError } from 'mongodb';
import { readChunks } from '../../domain/logs/log-chunk.ts';
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
import { DUPLICATE_KEY } from './insert-missing.ts';
import type { ChunkDocument } from './mongo-documents.ts';

/** One collection per stream, with the same key and index. */
export const LOG_COLLECTIONS: Readonly<Record<LogStream, string>> = {
  output: 'runLogs',
  events: 'runEvents',
};

export function createMongoRunLogs(db: Db): RunLogStore {
  const logs: Readonly<Record<LogStream, Log>> = {
    output: createLog(db.collection(LOG_COLLECTIONS.output)),
    events: createLog(db.collection(LOG_COLLECTIONS.events)),
  };
  return {
    append: (runId, stream, chunk) => logs[stream].append(runId, chunk),
    read: (runId, stream, after, limits) => logs[stream].read(runId, after, limits),
    chunks: (runId, stream, line, limit) => logs[stream].chunks(runId, line, limit),
    times: (runId, stream, from, to, limit) => logs[stream].times(runId, from, to, limit),
    head: (runId, stream) => logs[stream].head(runId),
    heads: async (runIds, stream) =>
      new Map(await Promise.all(runIds.map(async (id) => [id, await logs[stream].head(id)] as const))),
  };
}

type Log = ReturnType<typeof createLog>;

function createLog(chunks: Collection<ChunkDocument>) {
  /** Number of lines of the runs that this process writes: saves the query before each chunk. */
  const written = new Map<string, number>();

  async function head(runId: string): Promise<LogHead> {
    const last = await chunks.findOne(
      { runId: { $eq: runId } },
      { sort: { firstLine: -1 }, projection: { text: 0 } },
    );
    if (!last) return { totalLines: 0, endOffset: 0 };
    return { totalLines: last.firstLine + last.lineCount - 1, endOffset: last.endOffset };
  }

  const unpack = createUnpacker();
  const toPacked = ({ firstLine, lineCount, text, isDeflated }: ChunkDocument): PackedChunk => {
    const { buffer, byteOffset } = text.buffer;
    return { firstLine, lineCount, bytes: Buffer.from(buffer, byteOffset, text.length()), isDeflated };
  };

  async function chunksFrom(runId: string, line: number, limit: number): Promise<ChunkDocument[]> {
    const first = await chunks.findOne(
      { runId: { $eq: runId }, firstLine: { $lte: line } },
      { sort: { firstLine: -1 } },
    );
    if (!first || first.firstLine + first.lineCount <= line) return [];
    if (limit === 1) return [first];
    const behind = await chunks
      .find({ runId: { $eq: runId }, firstLine: { $gt: first.firstLine } })
      .sort({ firstLine: 1 })
      .limit(limit - 1)
      .toArray();
    return [first, ...behind];
  }

  return {
    /**
     * The unique key alone keeps two writers apart: each begins where a chunk ended when it looked, and if the
     * other was faster, a chunk already begins at that line. The key is `_id` and not a second index: with two
     * unique indexes, servers that keep MongoDB's documents in PostgreSQL answer two such writers with a
     * deadlock.
     */
    async append(runId: string, chunk: LogChunk): Promise<boolean> {
      // for the very first chunk, the key alone decides
      const known = chunk.firstLine === 1 ? 0 : (written.get(runId) ?? (await head(runId)).totalLines);
      const isNext = known + 1 === chunk.firstLine || (await head(runId)).totalLines + 1 === chunk.firstLine;
      if (!isNext) return false;
      const { firstLine, lineCount, endOffset } = chunk;
      try {
        const { bytes, isDeflated } = await packBytes(chunk.bytes);
        await chunks.insertOne({
          _id: `${runId}:${firstLine}`,
          runId,
          firstLine,
          lineCount,
          endOffset,
          text: new Binary(bytes),
          isDeflated,
          writtenAt: chunk.writtenAt ?? null,
        });
      } catch (error) {
        written.delete(runId);
        if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
        throw error;
      }
      // only a few are written at a time; those of ended runs must not stay
      if (written.size > 1_000) written.clear();
      written.set(runId, firstLine + lineCount - 1);
      return true;
    },

    read: (runId: string, after: number, limits: LogReadLimits): Promise<StoredLines> =>
      readChunks(after, limits, async (line, limit) =>
        (await chunksFrom(runId, line, limit)).map((document) => {
          const packed = toPacked(document);
          return { ...packed, bytes: unpack(document._id, packed) };
        }),
      ),

    async times(runId: string, from: number, to: number, limit: number): Promise<LogTime[]> {
      const first = await chunks.findOne(
        { runId: { $eq: runId }, firstLine: { $lte: from } },
        { sort: { firstLine: -1 }, projection: { firstLine: 1 } },
      );
      const found = await chunks
        .find(
          { runId: { $eq: runId }, firstLine: { $gte: first?.firstLine ?? 0, $lte: to } },
          { projection: { firstLine: 1, writtenAt: 1 } },
        )
        .sort({ firstLine: 1 })
        .limit(limit)
        .toArray();
      return found.map(({ firstLine, writtenAt }) => ({
        firstLine: Math.max(from, firstLine),
        writtenAt: writtenAt ?? null,
      }));
    },

    chunks: async (runId: string, line: number, limit: number): Promise<PackedChunk[]> =>
      (await chunksFrom(runId, line, limit)).map(toPacked),

    head,
  };
}
