import type { Db } from 'mongodb';
import { batching } from '../../domain/batching.ts';
import type { Fact } from '../../domain/facts.ts';
import type { Run } from '../../domain/runs/run.ts';
import { factOfChange, factOfProblem, factOfTick, factsOfRun, orderedId } from '../stored-facts.ts';
import { insertMissing } from './insert-missing.ts';
import {
  documentToTick,
  type FiringDocument,
  type OutboxDocument,
  type RunDocument,
  type ScheduleChange,
  type ScheduleDocument,
  type TickDocument,
} from './mongo-documents.ts';
import { factToDocument } from './mongo-outbox.ts';

/** A schedule and its firing, as far as completing the firing needs them. */
export interface Pending extends Pick<ScheduleDocument, '_id' | 'name' | 'version' | 'problem'> {
  readonly firing: FiringDocument;
}

export interface MongoFirings {
  /** Stores what firings decided. @returns ids of the stored runs */
  complete(pending: readonly Pending[]): Promise<Set<string>>;
  /** Does the same for the firings in these schedules (null: in all). @returns how many there were */
  completeOf(scheduleIds: readonly string[] | null): Promise<number>;
  /**
   * Performs one compare-and-set on the schedule, after completing any firing under way on it.
   * @param attempt must filter on `firing: null`, and returns null when it matched nothing
   */
  afterFiring<T>(id: string, attempt: () => Promise<T | null>): Promise<T | null>;
  /** Resolves when nothing that this node began for these schedules (null: for any) is under way. */
  settled(scheduleIds: readonly string[] | null): Promise<void>;
}

/** Each try completes a firing that another node left; more than a few in a row would be a defect. */
export const MAX_TRIES = 10;

export function newFiring(now: Date, more: Partial<FiringDocument> = {}): FiringDocument {
  return { id: orderedId(now), at: now, ticks: [], runs: [], ...more };
}

/** A change of the schedule itself, for the outbox. */
export const changed = (change: ScheduleChange): FiringDocument => newFiring(new Date(), { change });

/**
 * A change of a schedule that creates rows elsewhere (ticks, runs, facts) is decided by one compare-and-set,
 * which embeds all of it in the schedule's document; the rows are stored from there. Without transactions, this
 * makes it atomic.
 *
 * | firing                     | ticks, runs | facts | state                      | next step                                                |
 * | -------------------------- | ----------- | ----- | -------------------------- | -------------------------------------------------------- |
 * | absent                     | –           | –     | at rest                    | `fire`, `startByHand`, `replace`, `setProblem`, `delete` |
 * | present                    | none, some  | none  | decided                    | stores what is missing; then `fire` may resolve          |
 * | present                    | all         | some  | stored, some facts missing | records the facts                                        |
 * | present                    | all         | all   | stored                     | clears the mark, or removes a deleted schedule           |
 * | present, of a dead process | any         | any   | interrupted by a crash     | any node that next touches the schedule, or the sweep    |
 *
 * Every step is idempotent, so any number of nodes may do it at once. No other change is decided while a firing
 * is present: any node that finds one completes it first.
 */
export function createMongoFirings(db: Db): MongoFirings {
  const schedules = db.collection<ScheduleDocument>('schedules');
  const ticks = db.collection<TickDocument>('ticks');
  const runs = db.collection<RunDocument>('runs');
  const outbox = db.collection<OutboxDocument>('outbox');

  /** Firings whose ticks and runs are stored, by schedule, until the rest is done. */
  const unfinished = new Map<string, Promise<void>>();

  /** Records the facts, then clears the mark. */
  const finish = batching<Stored>(async (stored) => {
    await insertMissing(outbox, stored.flatMap(rowsOf));
    const [deleted, others] = [stored.filter(isDeletion), stored.filter((one) => !isDeletion(one))];
    const idsOf = (some: readonly Stored[]) => ({
      'firing.id': { $in: some.map(({ firing }) => firing.id) },
    });
    if (deleted.length > 0) await schedules.deleteMany(idsOf(deleted));
    if (others.length > 0) await schedules.updateMany(idsOf(others), { $unset: { firing: '' } });
  });

  /**
   * Done by any node that next touches the schedule. Idempotent: existing rows stay as they are. A process that
   * was paused half-way and repeats it much later finds everything there, because runs are never removed while
   * they are young enough for such a process to exist.
   */
  async function complete(pending: readonly Pending[]): Promise<Set<string>> {
    const decided = pending.flatMap(({ firing }) => firing.ticks);
    const areNew = await insertMissing(ticks, decided);
    const inLedger = areNew ? null : await ledgerOf(decided);
    const stored = pending.map((one) => (inLedger ? withoutOthers(one, inLedger) : one));
    const allRuns = stored.flatMap(({ firing }) => firing.runs);
    await insertMissing(runs, allRuns);
    // awaited: a deleted schedule must be gone
    await Promise.all(stored.filter(isDeletion).map(finish));
    // not awaited: any node that next touches the schedule finishes it
    for (const one of stored) {
      if (isDeletion(one)) continue;
      const finished: Promise<void> = finish(one)
        .catch(() => undefined)
        .finally(() => {
          if (unfinished.get(one._id) === finished) unfinished.delete(one._id);
        });
      unfinished.set(one._id, finished);
    }
    return new Set(allRuns.map((run) => run._id));
  }

  async function ledgerOf(decided: readonly TickDocument[]): Promise<Map<string, TickDocument>> {
    const found = await ticks.find({ _id: { $in: decided.map((tick) => tick._id) } }).toArray();
    return new Map(found.map((tick) => [tick._id, tick]));
  }

  async function settled(scheduleIds: readonly string[] | null): Promise<void> {
    const which = scheduleIds ?? [...unfinished.keys()];
    await Promise.all(which.map((id) => unfinished.get(id)));
  }

  async function completeOf(scheduleIds: readonly string[] | null): Promise<number> {
    await settled(scheduleIds);
    const which = scheduleIds === null ? {} : { _id: { $in: [...scheduleIds] } };
    const found = await schedules
      .find({ ...which, 'firing.id': { $exists: true } })
      .project<Pending>({ name: 1, version: 1, problem: 1, firing: 1 })
      .toArray();
    if (found.length > 0) await complete(found);
    return found.length;
  }

  return {
    complete,
    completeOf,
    settled,
    async afterFiring(id, attempt) {
      await settled([id]);
      let wasFree = false;
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const done = await attempt();
        if (done !== null) return done;
        const isFree = (await completeOf([id])) === 0;
        // a firing may have been completed between the attempt and the check: try once more
        if (isFree && wasFree) return null;
        wasFree = isFree;
      }
      throw new Error(`Schedule ${id} is always being fired.`);
    },
  };
}

/** The stored part of a firing: the ticks and runs that are its own. */
type Stored = Pending;

/**
 * Drops instants that were in the ledger before, because a clock was set back, and their runs. A tick identical
 * to ours was stored by an earlier try.
 */
function withoutOthers(pending: Pending, inLedger: ReadonlyMap<string, TickDocument>): Stored {
  const ours = pending.firing.ticks.filter((tick) => {
    const found = inLedger.get(tick._id);
    return found?.runId === tick.runId && found.outcome === tick.outcome;
  });
  const runIds = new Set(ours.map((tick) => tick.runId));
  // a start by hand has no tick
  const runs =
    pending.firing.ticks.length === 0
      ? pending.firing.runs
      : pending.firing.runs.filter((run) => runIds.has(run._id));
  return { ...pending, firing: { ...pending.firing, ticks: ours, runs } };
}

function isDeletion({ firing }: Stored): boolean {
  return firing.change === 'deleted';
}

function rowsOf(stored: Stored): OutboxDocument[] {
  const { id, at = new Date(), ticks, runs } = stored.firing;
  const facts = [
    ...changesOf(stored),
    ...ticks.map((tick) => factOfTick(documentToTick(tick))),
    ...runs.flatMap((run) =>
      factsOfRun({ id: run._id, scheduleId: run.scheduleId, status: run.status as Run['status'] }),
    ),
  ];
  return facts.map((fact, n) => factToDocument(`${id}-${String(n).padStart(6, '0')}`, at, fact));
}

function changesOf({ _id, name, version, problem, firing: { change } }: Stored): Fact[] {
  if (change === undefined) return [];
  return [
    change === 'problem' ? factOfProblem(_id, problem) : factOfChange({ id: _id, name, version }, change),
  ];
}
