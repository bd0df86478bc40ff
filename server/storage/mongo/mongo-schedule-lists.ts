import type { Collection, Filter } from 'mongodb';
import type { ScheduleFilter, ScheduleOrder, ScheduleSummary } from '../../domain/schedules/schedule.ts';
import type { ScheduleStore } from '../storage.ts';
import { LONG_PARAMETERS } from '../stored-parameters.ts';
import {
  documentToScheduleSummary,
  type ScheduleDocument,
  type ScheduleSummaryDocument,
} from './mongo-documents.ts';
import { findPage, type Order } from './mongo-pages.ts';

const LIST_FIELDS = [
  'name',
  'nameSort',
  'playbook',
  'timing',
  'timezone',
  'policy',
  'enabled',
  'nextRunAt',
  'nextRunSort',
  'dueAt',
  'problem',
  'version',
  'createdAt',
  'updatedAt',
] as const satisfies readonly (keyof ScheduleSummaryDocument)[];
const IS_LONG = {
  $and: [
    { $eq: [{ $type: '$parameters' }, 'string'] },
    { $gt: [{ $strLenBytes: '$parameters' }, LONG_PARAMETERS] },
  ],
};
/** Projection of lists. */
const SUMMARY = {
  ...Object.fromEntries(LIST_FIELDS.map((name) => [name, 1])),
  parameters: { $cond: [IS_LONG, null, '$parameters'] },
};

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
/** Reads many schedules at once, without long parameters. */
export function createMongoScheduleLists(
  schedules: Collection<ScheduleDocument>,
): Pick<ScheduleStore, 'findMany' | 'list' | 'count' | 'listByPlaybooks' | 'listPlaybooks'> {
  return {
    async findMany(ids) {
      const found = await schedules.find({ _id: { $in: [...ids] } }, { projection: SUMMARY }).toArray();
      const byId = new Map(found.map((document) => [document._id, documentToScheduleSummary(document)]));
      return ids.map((id) => byId.get(id) ?? null);
    },

    list: (filter, order, page) =>
      findPage<ScheduleDocument, ScheduleSummary>(schedules, {
        filter: filterOf(filter),
        order: ORDERS[order],
        page,
        projection: SUMMARY,
        map: documentToScheduleSummary,
      }),

    count: (filter) => schedules.countDocuments(filterOf(filter)),

    async listByPlaybooks(paths) {
      const found = schedules
        .find({ playbook: { $in: [...paths] } }, { projection: SUMMARY })
        .sort({ nameSort: 1, _id: 1 });
      const byPath = new Map(paths.map((path) => [path, [] as ScheduleSummary[]]));
      for await (const document of found)
        byPath.get(document.playbook)?.push(documentToScheduleSummary(document));
      return byPath;
    },

    listPlaybooks: () => schedules.distinct('playbook'),
  };
}

function filterOf(filter: ScheduleFilter): Filter<ScheduleDocument> {
  const conditions: Filter<ScheduleDocument> = {};
  if (filter.enabled !== undefined) conditions.enabled = { $eq: filter.enabled };
  if (filter.playbook !== undefined) conditions.playbook = { $eq: filter.playbook };
  if (filter.search !== undefined && filter.search !== '') {
    // neither a regular expression nor a name can contain NUL
    if (filter.search.includes('\0')) return { _id: { $in: [] } };
    conditions.search = { $regex: filter.search.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&') };
  }
  return conditions;
}
