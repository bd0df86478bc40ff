import { randomUUID } from 'node:crypto';
import {
  type Collection,
  type Db,
  type Document,
  type Filter,
  MongoBulkWriteError,
  type OptionalUnlessRequiredId,
} from 'mongodb';
import type { ScheduleFilter, ScheduleOrder } from '../../domain/schedule.ts';
import type { ScheduleStore, TickStore } from '../storage.ts';
import { NEVER_MS } from '../stored.ts';
import {
  documentToSchedule,
  documentToTick,
  type FiringDocument,
  nextRunSort,
  type RunDocument,
  runToDocument,
  type ScheduleDocument,
  scheduleToDocument,
  type TickDocument,
  tickToDocument,
} from './mongo-documents.ts';
import { findPage, type Order } from './mongo-pages.ts';

const DUPLICATE_KEY = 11_000;
/** Each try completes a firing that somebody else left; more than a few in a row would be a defect. */
const MAX_TRIES = 10;

const ORDERS: Record<ScheduleOrder, Order<ScheduleDocument>> = {
  nextRun: {
    field: 'nextRunSort',
    type: 'number',
    isDescending: false,
    value: (document) => document.nextRunSort,
    stored: (value) => value,
  },
  name: {
    field: 'nameSort',
    type: 'string',
    isDescending: false,
    value: (document) => document.nameSort,
    stored: (value) => value,
  },
  created: {
    field: 'createdAt',
    type: 'number',
    isDescending: true,
    value: (document) => document.createdAt.getTime(),
    stored: (value) => new Date(value),
  },
};
const NEWEST_TICK_FIRST: Order<TickDocument> = {
  field: 'scheduledFor',
  type: 'number',
  isDescending: true,
  value: (document) => document.scheduledFor.getTime(),
  stored: (value) => new Date(value),
};

/** All that a schedule holds beside a firing under way, which a replacement must not touch. */
export async function createMongoSchedules(db: Db): Promise<ScheduleStore> {
  const schedules = db.collection<ScheduleDocument>('schedules');
  const ticks = db.collection<TickDocument>('ticks');
  const runs = db.collection<RunDocument>('runs');
  await schedules.createIndexes([
    { key: { nextRunSort: 1, _id: 1 } },
    { key: { enabled: 1, nextRunSort: 1, _id: 1 } },
    { key: { nameSort: 1, _id: 1 } },
    { key: { createdAt: -1, _id: -1 } },
    { key: { playbook: 1, nameSort: 1 } },
    { key: { 'firing.id': 1 }, sparse: true },
  ]);

  /**
   * Stores what a firing decided. Whoever comes by may do it, as often as they like: what is there already stays as it is.
   * A process that was paused half-way and does it again much later finds everything there, so runs are never removed
   * while they are young enough for such a process to exist.
   */
  async function complete(scheduleId: string, firing: FiringDocument): Promise<void> {
    const areNew = await insertMissing(ticks, firing.ticks);
    await insertMissing(runs, areNew ? firing.runs : await runsOfLedger(firing));
    await schedules.updateOne({ _id: scheduleId, 'firing.id': firing.id }, { $unset: { firing: '' } });
  }

  /** Runs whose instant is theirs: another one was there before when a clock was put back. */
  async function runsOfLedger(firing: FiringDocument): Promise<RunDocument[]> {
    const found = await ticks.find({ _id: { $in: firing.ticks.map((tick) => tick._id) } }).toArray();
    const ids = new Set(found.map((tick) => tick.runId));
    return firing.runs.filter((run) => ids.has(run._id));
  }

  /**
   * One compare-and-set on the schedule, after any firing under way on it was completed.
   * @param attempt must ask for `firing: null`, and gives null when it found nothing
   */
  async function afterFiring<T>(id: string, attempt: () => Promise<T | null>): Promise<T | null> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const done = await attempt();
      if (done !== null) return done;
      const current = await schedules.findOne({ _id: id }, { projection: { firing: 1 } });
      if (!current?.firing) return null;
      await complete(id, current.firing);
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

    async findMany(ids) {
      const found = await schedules.find({ _id: { $in: [...ids] } }).toArray();
      const byId = new Map(found.map((document) => [document._id, documentToSchedule(document)]));
      return ids.map((id) => byId.get(id) ?? null);
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

    list: (filter, order, page) =>
      findPage(schedules, { filter: filterOf(filter), order: ORDERS[order], page, map: documentToSchedule }),

    count: (filter) => schedules.countDocuments(filterOf(filter)),

    async listByPlaybooks(paths) {
      const found = await schedules
        .find({ playbook: { $in: [...paths] } })
        .sort({ nameSort: 1, _id: 1 })
        .toArray();
      const byPath = new Map(paths.map((path) => [path, [] as ReturnType<typeof documentToSchedule>[]]));
      for (const document of found) byPath.get(document.playbook)?.push(documentToSchedule(document));
      return byPath;
    },

    async fire(firing) {
      const decided: FiringDocument = {
        id: randomUUID(),
        ticks: firing.ticks.map(tickToDocument),
        runs: firing.runs.map(runToDocument),
      };
      const claimed = await afterFiring(firing.scheduleId, () =>
        updated(
          {
            _id: firing.scheduleId,
            enabled: true,
            version: firing.version,
            nextRunAt: firing.expectedNextRunAt,
            firing: null as never,
          },
          {
            $set: {
              nextRunAt: firing.nextRunAt,
              nextRunSort: nextRunSort(firing.nextRunAt),
              firing: decided,
            },
          },
        ),
      );
      if (!claimed) return false;
      await complete(firing.scheduleId, decided);
      return true;
    },

    async completeFirings() {
      const cutShort = await schedules
        .find({ 'firing.id': { $exists: true } })
        .project<Pick<ScheduleDocument, '_id' | 'firing'>>({ firing: 1 })
        .toArray();
      for (const { _id, firing } of cutShort) if (firing) await complete(_id, firing);
      return cutShort.length;
    },

    async setProblem(id, version, problem) {
      const nextRun = problem === null ? {} : { nextRunAt: null, nextRunSort: NEVER_MS };
      return (await updated({ _id: id, version }, { $set: { problem, ...nextRun } })) === true;
    },
  };
}

export async function createMongoTicks(db: Db): Promise<TickStore> {
  const ticks = db.collection<TickDocument>('ticks');
  await ticks.createIndexes([{ key: { scheduleId: 1, scheduledFor: -1, _id: -1 } }]);
  return {
    list: (scheduleId, page) =>
      findPage(ticks, {
        filter: { scheduleId: { $eq: scheduleId } },
        order: NEWEST_TICK_FIRST,
        page,
        map: documentToTick,
      }),
    count: (scheduleId) => ticks.countDocuments({ scheduleId: { $eq: scheduleId } }),
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
    const isAllThere =
      error instanceof MongoBulkWriteError &&
      [error.writeErrors].flat().every((writeError) => writeError.code === DUPLICATE_KEY);
    if (!isAllThere) throw error;
    return false;
  }
}

function filterOf(filter: ScheduleFilter): Filter<ScheduleDocument> {
  const conditions: Filter<ScheduleDocument> = {};
  if (filter.enabled !== undefined) conditions.enabled = { $eq: filter.enabled };
  if (filter.playbook !== undefined) conditions.playbook = { $eq: filter.playbook };
  if (filter.search !== undefined && filter.search !== '') {
    // a regular expression cannot hold NUL, and neither can a name
    if (filter.search.includes('\0')) return { _id: { $in: [] } };
    conditions.search = { $regex: filter.search.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&') };
  }
  return conditions;
}
