import type { Db, Document, Filter } from 'mongodb';
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
  tickToDocument,
} from './mongo-documents.ts';
import { changed, MAX_TRIES, type MongoFirings, newFiring, type Pending } from './mongo-firings.ts';
import { createMongoScheduleLists } from './mongo-schedule-lists.ts';

/** A firing and its stored form. */
interface Decided {
  readonly firing: Firing;
  readonly document: FiringDocument;
}

function decide(firing: Firing, now: Date): Decided {
  const ticks = firing.ticks.map(tickToDocument);
  return { firing, document: newFiring(now, { ticks, runs: firing.runs.map(runToDocument) }) };
}

/** A firing alone reports no change of the schedule itself. */
const pendingOf = ({ firing, document }: Decided): Pending => ({
  _id: firing.scheduleId,
  name: '',
  version: firing.version,
  problem: null,
  firing: document,
});

/** The update that attaches a firing to the schedule, if it still is as the decision assumed. */
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

/** A count of starts by hand as a filter finds it: zero is not stored. */
function startsAs(manualStarts: number): never {
  return (manualStarts === 0 ? null : manualStarts) as never;
}

export function createMongoSchedules(db: Db, firings: MongoFirings): ScheduleStore {
  const { complete, completeOf, afterFiring } = firings;
  const schedules = db.collection<ScheduleDocument>('schedules');
  const runs = db.collection<RunDocument>('runs');

  /** Ids of the firings under way, by schedule. */
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

  const updated = async (filter: Filter<ScheduleDocument>, update: Document): Promise<true | null> =>
    (await schedules.updateOne(filter, update)).matchedCount === 1 ? true : null;

  return {
    async insert(schedule) {
      const document = { ...scheduleToDocument(schedule), firing: changed('created') };
      await schedules.insertOne(document);
      await complete([document]);
    },

    async find(id) {
      const document = await schedules.findOne({ _id: id });
      return document && documentToSchedule(document);
    },

    async replace(schedule, expectedVersion) {
      const { _id, ...fields } = scheduleToDocument(schedule);
      const replacing = { ...fields, firing: changed('updated') };
      const replaced = await afterFiring(_id, () =>
        updated({ _id, version: expectedVersion, firing: null as never }, { $set: replacing }),
      );
      if (replaced) await complete([{ _id, ...replacing }]);
      return replaced === true;
    },

    async delete(id) {
      // marked first: nothing could be reported of a document that is gone
      const firing = changed('deleted');
      const deleted = await afterFiring(id, () =>
        schedules.findOneAndUpdate(
          { _id: id, firing: null as never },
          { $set: { firing } },
          { returnDocument: 'after' },
        ),
      );
      if (!deleted) return null;
      await complete([{ ...deleted, firing }]);
      return documentToSchedule(deleted);
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

    async fire(wanted) {
      await firings.settled(wanted.map(({ scheduleId }) => scheduleId));
      const stored = new Map<Firing, ReadonlySet<string> | null>();
      const gone: Decided[] = [];
      const now = new Date();
      let pending = wanted.map((firing) => decide(firing, now));
      for (let tries = 0; pending.length > 0; tries += 1) {
        if (tries === MAX_TRIES) throw new Error('Schedules are always being fired.');
        const { matchedCount } = await schedules.bulkWrite(
          pending.map((one) => ({ updateOne: claimOf(one) })),
          { ordered: false },
        );
        // a bulk write does not say which of its updates matched, only whether all did
        const held =
          matchedCount === pending.length
            ? new Map(pending.map(({ firing, document }) => [firing.scheduleId, document.id]))
            : await firingIdsOf(pending.map(({ firing }) => firing.scheduleId));
        const isOurs = ({ firing, document }: Decided) => held.get(firing.scheduleId) === document.id;
        const ours = pending.filter(isOurs);
        const runIds = await complete(ours.map(pendingOf));
        for (const { firing } of ours)
          stored.set(firing, new Set(firing.runs.map(({ id }) => id).filter((id) => runIds.has(id))));
        gone.push(...pending.filter(({ firing }) => !held.has(firing.scheduleId)));
        // a crash left another firing there: complete that one first
        pending = pending.filter((one) => held.has(one.firing.scheduleId) && !isOurs(one));
        if (pending.length > 0) await completeOf(pending.map(({ firing }) => firing.scheduleId));
      }
      // not claimed, or claimed and completed by another node: then its runs exist
      const theirs = await idsOfRuns(gone.flatMap(({ document }) => document.runs.map((run) => run._id)));
      for (const { firing } of gone) {
        const ids = firing.runs.map(({ id }) => id).filter((id) => theirs.has(id));
        stored.set(firing, ids.length > 0 ? new Set(ids) : null);
      }
      return wanted.map((firing) => stored.get(firing) ?? null);
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
        // a firing or another start since the check would have changed one of these
        const { version, nextRunAt, manualStarts } = schedule;
        const asSeen = { _id: scheduleId, version, nextRunAt, manualStarts: startsAs(manualStarts ?? 0) };
        const firing = newFiring(new Date(), { runs: [runToDocument(run)] });
        const update = { $inc: { manualStarts: 1 }, $set: { firing } };
        if (!(await updated({ ...asSeen, firing: null as never }, update))) continue;
        await complete([{ ...schedule, firing }]);
        return 'started';
      }
      throw new Error(`Schedule ${scheduleId} is always being started.`);
    },

    completeFirings: () => completeOf(null),

    async setProblem(id, version, problem) {
      const nextRun = problem === null ? {} : { nextRunAt: null, nextRunSort: NEVER_MS, dueAt: null };
      const fields = { problem, ...nextRun };
      const firing = changed('problem');
      const which = { _id: id, version, firing: null as never };
      const marked = await afterFiring(id, async () => {
        if (await updated({ ...which, problem: { $ne: problem } }, { $set: { ...fields, firing } }))
          return 'changed';
        return (await updated({ ...which, problem }, { $set: fields })) && 'as it was';
      });
      if (marked === 'changed') await complete([{ _id: id, name: '', version, problem, firing }]);
      return marked !== null;
    },
  };
}
