import type { Db, Filter } from 'mongodb';
import type { Removal } from '../storage.ts';
import { insertMissing } from './insert-missing.ts';
import type { ChunkDocument, RunDocument, TickDocument } from './mongo-documents.ts';
import { LOG_COLLECTIONS } from './mongo-run-logs.ts';

export const REMOVALS = 'removals';

/** A note that a run, and then its log, is to be removed. */
export interface RemovalDocument {
  /** Of the run. */
  _id: string;
  /** The end that the decision is based on: a run with another one was revived since. */
  finishedAt: Date;
}

/**
 * | note    | run              | log        | state                            | next step                                    |
 * | ------- | ---------------- | ---------- | -------------------------------- | -------------------------------------------- |
 * | none    | present          | whole      | kept                             | writes the note if the run ended long ago    |
 * | present | present, ended   | whole      | decided                          | removes the run: from now on nobody finds it |
 * | present | present, revived | whole      | its worker came back in between  | removes the note                             |
 * | present | gone             | some, none | the log is orphaned, but noted   | removes chunks of it, then the note          |
 *
 * Any node continues with any note, whatever it would have decided itself. When one node removes the note of a
 * revived run, another that is about to remove the run no longer finds that end either.
 */
export function createMongoRemoval(db: Db): Removal {
  const runs = db.collection<RunDocument>('runs');
  const ticks = db.collection<TickDocument>('ticks');
  const logs = Object.values(LOG_COLLECTIONS).map((name) => db.collection<ChunkDocument>(name));
  const removals = db.collection<RemovalDocument>(REMOVALS);
  let isReliable: boolean | null = null;

  /** @returns how many rows were removed; 0: there are no notes */
  async function goOn(limit: number): Promise<number> {
    if (limit <= 0) return 0;
    for (;;) {
      const notes = await removals.find().limit(limit).toArray();
      if (notes.length === 0) return 0;
      const noted = notes.map(({ _id }) => _id);
      const { deletedCount } = await runs.deleteMany(asDecided(notes));
      const kept = await runs.find({ _id: { $in: noted } }, { projection: { _id: 1 } }).toArray();
      const keptIds = kept.map(({ _id }) => _id);
      const gone = noted.filter((id) => !keptIds.includes(id));
      const pieces = await removePieces(gone, limit);
      const done = pieces < limit ? notes : notes.filter(({ _id }) => keptIds.includes(_id));
      // for the end that the decision is based on: the run may have ended again and have a new note
      if (done.length > 0) await removals.deleteMany({ $or: done });
      if (deletedCount + pieces > 0) return deletedCount + pieces;
    }
  }

  /** @returns how many chunks of these runs' logs were removed; fewer than the limit when none are left */
  async function removePieces(runIds: readonly string[], limit: number): Promise<number> {
    let removed = 0;
    for (const chunks of logs) {
      // a limit of 0 would mean none
      if (removed >= limit) break;
      const pieces = await chunks
        .find({ runId: { $in: runIds } }, { projection: { _id: 1 } })
        .limit(limit - removed)
        .toArray();
      if (pieces.length > 0) await chunks.deleteMany({ _id: { $in: pieces.map(({ _id }) => _id) } });
      removed += pieces.length;
    }
    return removed;
  }

  return {
    async runs(ended) {
      if (ended.length === 0) return 0;
      const wanted = ended.map(({ id, finishedAt }) => ({ _id: id, finishedAt }));
      const found = await runs.find(asDecided(wanted), { projection: { finishedAt: 1 } }).toArray();
      const notes = found.flatMap(({ _id, finishedAt }) => (finishedAt ? [{ _id, finishedAt }] : []));
      if (notes.length === 0) return 0;
      await insertMissing(removals, notes);
      return (await runs.deleteMany(asDecided(notes))).deletedCount;
    },

    logs: goOn,

    async ticks(before, limit) {
      const old = { scheduledFor: { $lt: before } };
      const active = await runs
        .find({ ...old, status: { $in: ['queued', 'running'] } }, { projection: { _id: 1 } })
        .toArray();
      const found = await ticks
        .find({ ...old, runId: { $nin: active.map(({ _id }) => _id) } }, { projection: { _id: 1 } })
        .sort({ scheduledFor: 1 })
        .limit(limit)
        .toArray();
      if (found.length === 0) return 0;
      return (await ticks.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } })).deletedCount;
    },

    async size() {
      // servers that keep MongoDB's documents in PostgreSQL count what is removed until it is vacuumed
      isReliable ??= await db
        .admin()
        .buildInfo()
        .then((info) => !('ferretdb' in info));
      if (!isReliable) return null;
      const { dataSize, indexSize } = await db.stats();
      return dataSize + indexSize;
    },

    // WiredTiger reuses it
    reclaim: async () => 0,
  };
}

/** Excludes runs whose end is not reported yet. */
const ENDED: Filter<RunDocument> = { status: { $nin: ['queued', 'running'] }, ended: null as never };

function asDecided(notes: readonly RemovalDocument[]): Filter<RunDocument> {
  return { ...ENDED, $or: notes.map(({ _id, finishedAt }) => ({ _id, finishedAt })) };
}
