import { type Db, type Filter, MongoServerError, type UpdateFilter } from 'mongodb';
import {
  type ActiveRun,
  isFinished,
  type Run,
  type RunEnd,
  type RunFilter,
  type RunStatus,
  type RunSummary,
} from '../../domain/runs/run.ts';
import type { RunStore } from '../storage.ts';
import { DUPLICATE_KEY, insertMissing } from './insert-missing.ts';
import {
  documentToRun,
  documentToRunSummary,
  type RunDocument,
  runToDocument,
  type ScheduleDocument,
} from './mongo-documents.ts';
import { endedAs, type MongoEnds } from './mongo-ends.ts';
import { findPage, type Order } from './mongo-pages.ts';
import { REMOVALS, type RemovalDocument } from './mongo-removal.ts';

/** Projection of every read except `find`. */
const SUMMARY = { projection: { parameters: 0, onlyHosts: 0 } } as const;

const NEWEST_FIRST: Order<RunDocument> = {
  field: 'queuedAt',
  type: 'number',
  isDescending: true,
  value: (document) => document.queuedAt.getTime(),
  stored: (value) => new Date(value),
};

export function createMongoRuns(db: Db, ends: MongoEnds): RunStore {
  const runs = db.collection<RunDocument>('runs');
  const schedules = db.collection<ScheduleDocument>('schedules');

  /** One compare-and-set. */
  async function change(
    filter: Filter<RunDocument>,
    update: UpdateFilter<RunDocument>,
  ): Promise<RunSummary | null> {
    const document = await runs.findOneAndUpdate(filter, update, { returnDocument: 'after', ...SUMMARY });
    return document && documentToRunSummary(document);
  }

  async function insert(run: Run): Promise<void> {
    const document = runToDocument(run);
    if (!isFinished(run.status)) await runs.insertOne(document);
    else {
      await runs.insertOne({ ...document, ended: endedAs(run.status) });
      ends.record([run.id]);
    }
  }

  /**
   * Runs that were lost for so long that they were removed: what was stored of their logs since goes, too. One
   * whose firing is still being stored is not gone.
   */
  async function noteGone(ended: readonly { readonly id: string; readonly end: RunEnd }[]): Promise<void> {
    const ids = ended.map(({ id }) => id);
    const present = await runs.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    const known = new Set(present.map(({ _id }) => _id));
    const firing = await schedules
      .find({ 'firing.id': { $exists: true } }, { projection: { 'firing.runs._id': 1 } })
      .toArray();
    for (const { firing: stored } of firing) for (const { _id } of stored?.runs ?? []) known.add(_id);
    await insertMissing(
      db.collection<RemovalDocument>(REMOVALS),
      ended
        .filter(({ id }) => !known.has(id))
        .map(({ id, end }) => ({ _id: id, finishedAt: end.finishedAt })),
    );
  }

  async function finish(
    id: string,
    workerId: string | null,
    end: RunEnd,
    leaseBefore?: Date,
  ): Promise<RunSummary | null> {
    const ending = endingOf(id, workerId, end, leaseBefore);
    if (!ending) return null;
    const { ended: _, ...state } = ending.filter;
    const isAllowed = async () => (await runs.findOne(state, { projection: { _id: 1 } })) !== null;
    const ended = await ends.afterEnding(id, () => change(ending.filter, ending.update), isAllowed);
    if (ended) ends.record([id]);
    return ended;
  }

  const listSorted = async (
    filter: Filter<RunDocument>,
    field: string,
    limit: number,
  ): Promise<RunSummary[]> =>
    (
      await runs
        .find(filter, SUMMARY)
        .sort({ [field]: 1, _id: 1 })
        .limit(limit)
        .toArray()
    ).map(documentToRunSummary);

  return {
    insert,

    async insertNew(run) {
      try {
        await insert(run);
        return true;
      } catch (error) {
        if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
        throw error;
      }
    },

    async find(id) {
      const document = await runs.findOne({ _id: { $eq: id } });
      return document && documentToRun(document);
    },

    async findMany(ids) {
      const found = await runs.find({ _id: { $in: [...ids] } }, SUMMARY).toArray();
      const byId = new Map(found.map((document) => [document._id, documentToRunSummary(document)]));
      return ids.map((id) => byId.get(id) ?? null);
    },

    list: (filter, page) =>
      findPage(runs, {
        filter: filterOf(filter),
        order: NEWEST_FIRST,
        page,
        map: documentToRunSummary,
        ...SUMMARY,
      }),
    count: (filter) => runs.countDocuments(filterOf(filter)),

    async lastOfSchedules(scheduleIds) {
      // each is one index seek; a grouping would read all runs
      const last = await Promise.all(
        scheduleIds.map((id) =>
          runs.findOne({ scheduleId: { $eq: id } }, { ...SUMMARY, sort: { queuedAt: -1, _id: -1 } }),
        ),
      );
      return new Map(
        last.flatMap((document) =>
          document?.scheduleId ? [[document.scheduleId, documentToRunSummary(document)]] : [],
        ),
      );
    },

    async outcomesOf(scheduleId) {
      const ofSchedule = { scheduleId: { $eq: scheduleId } };
      const last = await runs.findOne(
        { ...ofSchedule, status: 'succeeded' },
        { projection: { queuedAt: 1, finishedAt: 1 }, sort: { queuedAt: -1, _id: -1 } },
      );
      const after = last
        ? { $or: [{ queuedAt: { $gt: last.queuedAt } }, { queuedAt: last.queuedAt, _id: { $gt: last._id } }] }
        : {};
      const consecutiveFailures = await runs.countDocuments({
        ...ofSchedule,
        ...after,
        status: { $in: ['failed', 'timedOut', 'lost'] },
      });
      return { lastSuccessAt: last?.finishedAt ?? null, consecutiveFailures };
    },

    async listActive(scheduleIds) {
      const active = { scheduleId: { $in: [...scheduleIds] }, status: { $in: ['queued', 'running'] } };
      const found = await runs.find(active, { projection: { scheduleId: 1, status: 1 } }).toArray();
      const bySchedule = new Map<string, ActiveRun[]>();
      for (const { _id: id, scheduleId, status } of found) {
        if (scheduleId === null) continue;
        const others = bySchedule.get(scheduleId);
        const run = { id, status: status as RunStatus };
        if (others) others.push(run);
        else bySchedule.set(scheduleId, [run]);
      }
      return bySchedule;
    },

    claim: (id, workerId, startedAt, leaseUntil, { workingFolder, ansibleConfig }) =>
      change(
        { _id: id, status: 'queued' },
        {
          $set: {
            status: 'running',
            workerId,
            startedAt,
            leaseUntil,
            place: { workingFolder, ansibleConfig },
          },
        },
      ),

    unclaim: (id, workerId) =>
      change(
        { _id: id, status: 'running', workerId },
        { $set: { status: 'queued', workerId: null, startedAt: null, leaseUntil: null, place: null } },
      ),

    finish,

    async finishOwn(workerId, wanted) {
      const endings = wanted.flatMap(({ id, end }) => endingOf(id, workerId, end) ?? []);
      if (endings.length === 0) return;
      const ids = wanted.map(({ id }) => id);
      const store = () =>
        runs.bulkWrite(
          endings.map((ending) => ({ updateOne: ending })),
          { ordered: false },
        );
      if ((await store()).matchedCount < endings.length) {
        // some had ended before, perhaps with their facts still pending
        await ends.recordNow(ids);
        if ((await store()).matchedCount < endings.length) await noteGone(wanted);
      }
      ends.record(ids);
    },

    async requestCancel(id, at) {
      const active = { _id: id, status: { $in: ['queued', 'running'] } };
      // an existing mark stays
      return (
        (await change({ ...active, cancelRequestedAt: null }, { $set: { cancelRequestedAt: at } })) ??
        (await runs.findOne(active, SUMMARY).then((document) => document && documentToRunSummary(document)))
      );
    },

    async renewLeases(workerId, ids, leaseUntil) {
      const own = { _id: { $in: [...ids] }, workerId, status: 'running' };
      await runs.updateMany(own, { $set: { leaseUntil } });
      return (await runs.find(own, SUMMARY).toArray()).map(documentToRunSummary);
    },

    async revive(workerId, ids, leaseUntil) {
      const back = { $set: { status: 'running', leaseUntil, finishedAt: null, reason: null } } as const;
      const revived = await Promise.all(ids.map((id) => change({ _id: id, workerId, status: 'lost' }, back)));
      return revived.filter((run) => run !== null);
    },

    async listRunningOf(workerId) {
      return (await runs.find({ workerId: { $eq: workerId }, status: 'running' }, SUMMARY).toArray()).map(
        documentToRunSummary,
      );
    },

    listExpired: (now, limit) =>
      listSorted({ status: 'running', leaseUntil: { $lt: now } }, 'leaseUntil', limit),
    listQueued: (queuedBefore, limit) =>
      listSorted({ status: 'queued', queuedAt: { $lt: queuedBefore } }, 'queuedAt', limit),
  };
}

/** The compare-and-set that ends a run; null when no state of it allows that. */
function endingOf(
  id: string,
  workerId: string | null,
  end: RunEnd,
  leaseBefore?: Date,
): { filter: Filter<RunDocument>; update: { $set: Partial<RunDocument> } } | null {
  const from: string[] = [];
  if (workerId !== null) from.push('running');
  if (workerId !== null && end.status !== 'lost' && !leaseBefore) from.push('lost');
  if (workerId === null && (end.status === 'canceled' || end.status === 'failed')) from.push('queued');
  if (from.length === 0) return null;
  const filter: Filter<RunDocument> = { _id: id, workerId, status: { $in: from }, ended: null as never };
  if (leaseBefore) filter.leaseUntil = { $lt: leaseBefore };
  const { status, exitCode, finishedAt } = end;
  const reason = end.reason?.toWellFormed() ?? null;
  const ended = endedAs(status);
  return { filter, update: { $set: { status, exitCode, reason, finishedAt, leaseUntil: null, ended } } };
}

function filterOf(filter: RunFilter): Filter<RunDocument> {
  const conditions: Filter<RunDocument> = {};
  if (filter.scheduleId !== undefined) conditions.scheduleId = { $eq: filter.scheduleId };
  if (filter.playbook !== undefined) conditions.playbook = { $eq: filter.playbook };
  if (filter.status && filter.status.length > 0) conditions.status = { $in: [...filter.status] };
  return conditions;
}
