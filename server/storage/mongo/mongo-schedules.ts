import { randomUUID } from 'node:crypto';
import {
  type Collection,
  type Db,
  type Document,
  type Filter,
  MongoBulkWriteError,
  type OptionalUnlessRequiredId,
} from 'mongodb';
import type { Firing, ScheduleStore } from '../storage.ts';
import { NEVER_MS } from '../stored.ts';
import {
  documentToSchedule,
  type FiringDocument,
  nextRunSort,
  type RunDocument,
  runToDocument,
  type ScheduleDocument,
  scheduleToDocument,
  type TickDocument,
  tickToDocument,
} from './mongo-documents.ts';
import { createMongoScheduleLists } from './mongo-schedule-lists.ts';

const DUPLICATE_KEY = 11_000;
/** Each try completes a firing that somebody else left; more than a few in a row would be a defect. */
const MAX_TRIES = 10;

/** A firing, and what is stored of it. */
interface Decided {
  readonly firing: Firing;
  readonly document: FiringDocument;
}

function decide(firing: Firing): Decided {
  const ticks = firing.ticks.map(tickToDocument);
  return { firing, document: { id: randomUUID(), ticks, runs: firing.runs.map(runToDocument) } };
}

/** The update that makes a firing the schedule's own, if it still is as the decision took it to be. */
function claimOf({ firing, document }: Decided) {
  return {
    filter: {
      _id: firing.scheduleId,
      enabled: true,
      version: firing.version,
      nextRunAt: firing.expectedNextRunAt,
      firing: null as never,
      ...(firing.manualStarts === undefined ? {} : { manualStarts: startsAs(firing.manualStarts) }),
    },
    update: {
      $set: {
        nextRunAt: firing.nextRunAt,
        nextRunSort: nextRunSort(firing.nextRunAt),
        dueAt: firing.dueAt,
        firing: document,
      },
    },
  };
}

/** A count of starts by hand as a filter finds it: none is not stored. */
function startsAs(manualStarts: number): never {
  return (manualStarts === 0 ? null : manualStarts) as never;
}

export function createMongoSchedules(db: Db): ScheduleStore {
  const schedules = db.collection<ScheduleDocument>('schedules');
  const ticks = db.collection<TickDocument>('ticks');
  const runs = db.collection<RunDocument>('runs');

  /** Marks of firings that are being taken off. */
  const unmarking = new Set<Promise<unknown>>();

  /**
   * Stores what firings decided. Any node that next touches the schedule does it, as often as it likes: what is there already stays as it is.
   * A process that was paused half-way and does it again much later finds everything there, so runs are never removed
   * while they are young enough for such a process to exist.
   * @returns ids of the runs that are stored
   */
  async function complete(firings: readonly FiringDocument[]): Promise<Set<string>> {
    const decided = firings.flatMap((firing) => firing.ticks);
    const areNew = await insertMissing(ticks, decided);
    const allRuns = firings.flatMap((firing) => firing.runs);
    const stored = areNew ? allRuns : await runsOfLedger(decided, allRuns);
    await insertMissing(runs, stored);
    // not waited for: a mark that stays is completed once more by any node that next touches it
    const unmarked = schedules
      .updateMany({ 'firing.id': { $in: firings.map((firing) => firing.id) } }, { $unset: { firing: '' } })
      .catch(() => undefined)
      .finally(() => unmarking.delete(unmarked));
    unmarking.add(unmarked);
    return new Set(stored.map((run) => run._id));
  }

  /** Runs whose instant is theirs: another one was there before when a clock was put back. */
  async function runsOfLedger(
    decided: readonly TickDocument[],
    decidedRuns: readonly RunDocument[],
  ): Promise<RunDocument[]> {
    const found = await ticks.find({ _id: { $in: decided.map((tick) => tick._id) } }).toArray();
    const ids = new Set(found.map((tick) => tick.runId));
    return decidedRuns.filter((run) => ids.has(run._id));
  }

  /** Completes the firings that are under way on these schedules (null: on all). @returns how many */
  async function completeOf(scheduleIds: readonly string[] | null): Promise<number> {
    await Promise.all(unmarking);
    const which = scheduleIds === null ? {} : { _id: { $in: [...scheduleIds] } };
    const found = await schedules
      .find({ ...which, 'firing.id': { $exists: true } })
      .project<Pick<ScheduleDocument, 'firing'>>({ firing: 1 })
      .toArray();
    const firings = found.flatMap(({ firing }) => firing ?? []);
    if (firings.length > 0) await complete(firings);
    return firings.length;
  }

  /** Ids of the firings that are under way, by schedule. */
  async function firingIdsOf(scheduleIds: readonly string[]): Promise<Map<string, string>> {
    const found = await schedules
      .find({ _id: { $in: [...scheduleIds] }, 'firing.id': { $exists: true } })
      .project<{ _id: string; firing: { id: string } }>({ 'firing.id': 1 })
      .toArray();
    return new Map(found.map(({ _id, firing }) => [_id, firing.id]));
  }

  async function idsOfRuns(ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const found = await runs.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray();
    return new Set(found.map(({ _id }) => _id));
  }

  /**
   * One compare-and-set on the schedule, after any firing under way on it was completed.
   * @param attempt must ask for `firing: null`, and gives null when it found nothing
   */
  async function afterFiring<T>(id: string, attempt: () => Promise<T | null>): Promise<T | null> {
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
  }

  const updated = async (filter: Filter<ScheduleDocument>, update: Document): Promise<true | null> =>
    (await schedules.updateOne(filter, update)).matchedCount === 1 ? true : null;

  return {
    async insert(schedule) {
      await schedules.insertOne(scheduleToDocument(schedule));
    },

    async find(id) {
      const document = await schedules.findOne({ _id: id });
      return document && documentToSchedule(document);
    },

    async replace(schedule, expectedVersion) {
      const { _id, ...fields } = scheduleToDocument(schedule);
      const replaced = await afterFiring(_id, () =>
        updated({ _id, version: expectedVersion, firing: null as never }, { $set: fields }),
      );
      return replaced === true;
    },

    async delete(id) {
      const deleted = await afterFiring(id, () =>
        schedules.findOneAndDelete({ _id: id, firing: null as never }),
      );
      return deleted && documentToSchedule(deleted);
    },

    ...createMongoScheduleLists(schedules),

    async listDue(until, limit) {
      const found = await schedules
        .find({ enabled: true, dueAt: { $lte: until } })
        .sort({ dueAt: 1, _id: 1 })
        .limit(limit)
        .toArray();
      return found.map(documentToSchedule);
    },

    async listInstants(until) {
      const found = await schedules.distinct('dueAt', { enabled: true, dueAt: { $lte: until } });
      return found.filter((dueAt) => dueAt !== null);
    },

    async isAwaited(dueAt) {
      const waiting = { enabled: true, dueAt };
      return (await schedules.findOne(waiting, { projection: { _id: 1 } })) !== null;
    },

    async fire(firings) {
      await Promise.all(unmarking);
      const stored = new Map<Firing, ReadonlySet<string> | null>();
      const gone: Decided[] = [];
      let pending = firings.map(decide);
      for (let tries = 0; pending.length > 0; tries += 1) {
        if (tries === MAX_TRIES) throw new Error('Schedules are always being fired.');
        const { matchedCount } = await schedules.bulkWrite(
          pending.map((one) => ({ updateOne: claimOf(one) })),
          { ordered: false },
        );
        // a bulk does not tell which of its updates found their schedule, but whether all did
        const held =
          matchedCount === pending.length
            ? new Map(pending.map(({ firing, document }) => [firing.scheduleId, document.id]))
            : await firingIdsOf(pending.map(({ firing }) => firing.scheduleId));
        const isOurs = ({ firing, document }: Decided) => held.get(firing.scheduleId) === document.id;
        const ours = pending.filter(isOurs);
        const runIds = await complete(ours.map(({ document }) => document));
        for (const { firing } of ours)
          stored.set(firing, new Set(firing.runs.map(({ id }) => id).filter((id) => runIds.has(id))));
        gone.push(...pending.filter(({ firing }) => !held.has(firing.scheduleId)));
        // a crash left another firing there: that one first
        pending = pending.filter((one) => held.has(one.firing.scheduleId) && !isOurs(one));
        if (pending.length > 0) await completeOf(pending.map(({ firing }) => firing.scheduleId));
      }
      // not claimed, or claimed and completed by somebody who came by: then its runs are there
      const theirs = await idsOfRuns(gone.flatMap(({ document }) => document.runs.map((run) => run._id)));
      for (const { firing } of gone) {
        const ids = firing.runs.map(({ id }) => id).filter((id) => theirs.has(id));
        stored.set(firing, ids.length > 0 ? new Set(ids) : null);
      }
      return firings.map((firing) => stored.get(firing) ?? null);
    },

    async startByHand(run, isForced) {
      const { id, scheduleId } = run;
      for (let tries = 0; tries < MAX_TRIES * MAX_TRIES; tries += 1) {
        await completeOf([scheduleId]);
        const schedule = await schedules.findOne({ _id: scheduleId });
        if (!schedule) return 'gone';
        if (schedule.firing) continue;
        if (await runs.findOne({ _id: id }, { projection: { _id: 1 } })) return 'taken';
        const active = { scheduleId, status: { $in: ['queued', 'running'] } };
        if (!isForced && (await runs.findOne(active, { projection: { _id: 1 } }))) return 'active';
        // a firing or another start since the look would have changed one of these
        const { version, nextRunAt, manualStarts } = schedule;
        const asSeen = { _id: scheduleId, version, nextRunAt, manualStarts: startsAs(manualStarts ?? 0) };
        const firing: FiringDocument = { id: randomUUID(), ticks: [], runs: [runToDocument(run)] };
        const update = { $inc: { manualStarts: 1 }, $set: { firing } };
        if (!(await updated({ ...asSeen, firing: null as never }, update))) continue;
        await complete([firing]);
        return 'started';
      }
      throw new Error(`Schedule ${scheduleId} is always being started.`);
    },

    completeFirings: () => completeOf(null),

    async setProblem(id, version, problem) {
      const nextRun = problem === null ? {} : { nextRunAt: null, nextRunSort: NEVER_MS, dueAt: null };
      return (await updated({ _id: id, version }, { $set: { problem, ...nextRun } })) === true;
    },
  };
}

/**
 * Inserts those that are not there; the others stay as they are.
 * @returns whether none was there
 */
async function insertMissing<D extends { _id: string }>(
  collection: Collection<D>,
  documents: readonly D[],
): Promise<boolean> {
  if (documents.length === 0) return true;
  try {
    await collection.insertMany([...documents] as OptionalUnlessRequiredId<D>[], { ordered: false });
    return true;
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const faults = [error.writeErrors].flat();
    // without any of its own it is about the write concern: they may be taken back
    const isAllThere =
      faults.length > 0 &&
      faults.every(({ code }) => code === DUPLICATE_KEY) &&
      error.result.getWriteConcernError() === undefined;
    if (!isAllThere) throw error;
    return false;
  }
}
