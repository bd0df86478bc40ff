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

/** A schedule and the firing in it, as much as it takes to complete that. */
export interface Pending extends Pick<ScheduleDocument, '_id' | 'name' | 'version' | 'problem'> {
  readonly firing: FiringDocument;
}

export interface MongoFirings {
  /** Stores what firings decided. @returns ids of the runs that are stored */
  complete(pending: readonly Pending[]): Promise<Set<string>>;
  /** Does the same for those that stand in these schedules (null: in all). @returns how many there were */
  completeOf(scheduleIds: readonly string[] | null): Promise<number>;
  /**
   * One compare-and-set on the schedule, after any firing under way on it was completed.
   * @param attempt must ask for `firing: null`, and gives null when it found nothing
   */
  afterFiring<T>(id: string, attempt: () => Promise<T | null>): Promise<T | null>;
  /** Resolves when nothing that this node has begun for these schedules (null: for any) is under way. */
  settled(scheduleIds: readonly string[] | null): Promise<void>;
}

/** Each try completes a firing that somebody else left; more than a few in a row would be a defect. */
export const MAX_TRIES = 10;

export function newFiring(now: Date, more: Partial<FiringDocument> = {}): FiringDocument {
  return { id: orderedId(now), at: now, ticks: [], runs: [], ...more };
}

/** What was done to the schedule itself, for the outbox. */
export const changed = (change: ScheduleChange): FiringDocument => newFiring(new Date(), { change });

/**
 * A change of a schedule that makes rows elsewhere (ticks, runs, facts) is decided by one compare-and-set, which embeds all
 * of it in the schedule's document; the rows are stored from there. Without transactions this is what makes them one step.
 *
 * | firing                   | ticks, runs | facts  | state                      | goes on by                                              |
 * | ------------------------ | ----------- | ------ | -------------------------- | ------------------------------------------------------- |
 * | absent                   | –           | –      | at rest                    | `fire`, `startByHand`, `replace`, `setProblem`, `delete` |
 * | there                    | none, some  | none   | decided                    | stores what is missing: `fire` may resolve then         |
 * | there                    | all         | some   | stored, not all facts are  | records the facts                                       |
 * | there                    | all         | all    | stored                     | takes the mark off, or the schedule when it is deleted  |
 * | there, of a dead process | any         | any    | cut short by a crash       | any node that next touches the schedule, or the sweep   |
 *
 * Every step does nothing where it was done, so any number of nodes may do it at once. No other change is decided while
 * there is a firing: any node that finds one completes it first.
 */
export function createMongoFirings(db: Db): MongoFirings {
  const schedules = db.collection<ScheduleDocument>('schedules');
  const ticks = db.collection<TickDocument>('ticks');
  const runs = db.collection<RunDocument>('runs');
  const outbox = db.collection<OutboxDocument>('outbox');

  /** Firings whose ticks and runs are stored, by schedule, until the rest is done. */
  const unfinished = new Map<string, Promise<void>>();

  /** Records the facts, then takes the mark off. */
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
   * Done by any node that next touches the schedule; idempotent: existing rows stay as they are.
   * A process that was paused half-way and does it again much later finds everything there, so runs are never removed
   * while they are young enough for such a process to exist.
   */
  async function complete(pending: readonly Pending[]): Promise<Set<string>> {
    const decided = pending.flatMap(({ firing }) => firing.ticks);
    const areNew = await insertMissing(ticks, decided);
    const inLedger = areNew ? null : await ledgerOf(decided);
    const stored = pending.map((one) => (inLedger ? withoutOthers(one, inLedger) : one));
    const allRuns = stored.flatMap(({ firing }) => firing.runs);
    await insertMissing(runs, allRuns);
    // what is deleted must be gone
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
        // a firing may have been completed between the attempt and the look: once more
        if (isFree && wasFree) return null;
        wasFree = isFree;
      }
      throw new Error(`Schedule ${id} is always being fired.`);
    },
  };
}

/** What is stored of a firing: the ticks and runs that are its own. */
type Stored = Pending;

/**
 * Without the instants that were in the ledger before, when a clock was put back, and without their runs: a tick that is
 * just like ours was stored by an earlier try.
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
