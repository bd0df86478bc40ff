import type { Db } from 'mongodb';
import { batching } from '../../domain/batching.ts';
import type { Run, RunStatus } from '../../domain/runs/run.ts';
import { factsOfRun, orderedId } from '../stored-facts.ts';
import { insertMissing } from './insert-missing.ts';
import type { EndedDocument, OutboxDocument, RunDocument } from './mongo-documents.ts';
import { factToDocument } from './mongo-outbox.ts';

export interface MongoEnds {
  /** Records the facts of these ends in the background: a crash leaves them to `recordPending`. */
  record(runIds: readonly string[]): void;
  /**
   * Performs one compare-and-set that ends a run, after recording the fact of an earlier end.
   * @param attempt must filter on `ended: null`, and returns null when it matched nothing
   * @param isAllowed whether the run's state allows the end, whatever `ended` is
   */
  afterEnding<T>(
    runId: string,
    attempt: () => Promise<T | null>,
    isAllowed: () => Promise<boolean>,
  ): Promise<T | null>;
  /** Records those facts of these ends that are still pending. */
  recordNow(runIds: readonly string[]): Promise<void>;
  /** Records the pending facts of all ends, including those that a crash left. */
  recordPending(): Promise<void>;
}

/** Each try records the fact of an earlier end; a run that was lost and found has two. */
const MAX_TRIES = 10;
/** Ends left by a crash that are recorded at once. */
const BATCH = 500;

export function endedAs(status: RunStatus): EndedDocument {
  const now = new Date();
  return { id: orderedId(now), at: now, status };
}

/**
 * The compare-and-set that ends a run embeds the fact in its document as `ended`, from which it is then
 * recorded.
 *
 * | ended   | fact    | state                          | next step                                                      |
 * | ------- | ------- | ------------------------------ | -------------------------------------------------------------- |
 * | none    | –       | not ended, or reported         | `finish`: the run ends                                         |
 * | present | none    | ended                          | records the fact, at once or by `recordPending` after a crash  |
 * | present | present | ended, its fact can be claimed | clears `ended`; only then can a lost run end again             |
 */
export function createMongoEnds(db: Db): MongoEnds {
  const runs = db.collection<RunDocument>('runs');
  const outbox = db.collection<OutboxDocument>('outbox');
  let recording: Promise<void> = Promise.resolve();

  /** @returns how many there were */
  async function recordFound(which: object, limit: number): Promise<number> {
    const found = await runs
      // the one index that contains only these few of all runs
      .find({ ...which, 'ended.at': { $gt: new Date(0) } }, { projection: { scheduleId: 1, ended: 1 } })
      .limit(limit)
      .toArray();
    const pending = found.flatMap(({ _id, scheduleId, ended }) =>
      ended ? [{ _id, scheduleId, ended }] : [],
    );
    if (pending.length === 0) return 0;
    const rows = pending.flatMap(({ _id, scheduleId, ended }) =>
      factsOfRun({ id: _id, scheduleId, status: ended.status as Run['status'] }).map((fact) =>
        factToDocument(ended.id, ended.at, fact),
      ),
    );
    await insertMissing(outbox, rows);
    const ids = {
      _id: { $in: pending.map(({ _id }) => _id) },
      'ended.id': { $in: rows.map(({ _id }) => _id) },
    };
    await runs.updateMany(ids, { $unset: { ended: '' } });
    return pending.length;
  }

  const recordIds = batching<readonly string[]>(async (ids) => {
    const all = ids.flat();
    await recordFound({ _id: { $in: all } }, all.length);
  });

  return {
    record(runIds) {
      recording = recordIds(runIds).catch(() => undefined);
    },

    async afterEnding(runId, attempt, isAllowed) {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const done = await attempt();
        if (done !== null) return done;
        if (!(await isAllowed())) return null;
        await recordFound({ _id: runId }, 1);
      }
      throw new Error(`Run ${runId} is always being ended.`);
    },

    recordNow: recordIds,

    async recordPending() {
      await recording;
      while ((await recordFound({}, BATCH)) === BATCH);
    },
  };
}
