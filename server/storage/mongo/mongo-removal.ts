import type { Db, Filter } from 'mongodb';
import type { Removal } from '../storage.ts';
import { insertMissing } from './insert-missing.ts';
import type { ChunkDocument, RunDocument, TickDocument } from './mongo-documents.ts';
import { LOG_COLLECTIONS } from './mongo-run-logs.ts';

/** A note that a run, and then its log, is to be removed. */
interface RemovalDocument {
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
  const removals = db.collection<RemovalDocument>('removals');

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

  async function removeRuns(before: Date, limit: number): Promise<number> {
    if (limit <= 0) return 0;
    const old = await runs
      .find(endedBefore(before), { projection: { finishedAt: 1 } })
      .sort({ queuedAt: 1, _id: 1 })
      .limit(limit)
      .toArray();
    const notes = old.flatMap(({ _id, finishedAt }) => (finishedAt ? [{ _id, finishedAt }] : []));
    if (notes.length === 0) return 0;
    await insertMissing(removals, notes);
    return (await runs.deleteMany(asDecided(notes))).deletedCount;
  }

  return {
    async runs(before, limit) {
      const removed = await goOn(limit);
      return removed + (await removeRuns(before, limit - removed));
    },

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
  };
}

/** Excludes runs whose end is not reported yet. */
const ENDED: Filter<RunDocument> = { status: { $nin: ['queued', 'running'] }, ended: null as never };

/** Served by the index of lists by age: a run ends after it was queued. */
function endedBefore(before: Date): Filter<RunDocument> {
  return { ...ENDED, queuedAt: { $lt: before }, finishedAt: { $lt: before } };
}

function asDecided(notes: readonly RemovalDocument[]): Filter<RunDocument> {
  return { ...ENDED, $or: notes.map(({ _id, finishedAt }) => ({ _id, finishedAt })) };
}
