import type { Db } from 'mongodb';
import type { TickStore } from '../storage.ts';
import { documentToTick, type TickDocument } from './mongo-documents.ts';
import { findPage, type Order } from './mongo-pages.ts';

const NEWEST_TICK_FIRST: Order<TickDocument> = {
  field: 'scheduledFor',
  type: 'number',
  isDescending: true,
  value: (document) => document.scheduledFor.getTime(),
  stored: (value) => new Date(value),
};

export function createMongoTicks(db: Db): TickStore {
  const ticks = db.collection<TickDocument>('ticks');
  return {
    list: (scheduleId, page) =>
      findPage(ticks, {
        filter: { scheduleId: { $eq: scheduleId } },
        order: NEWEST_TICK_FIRST,
        page,
        map: documentToTick,
      }),
    count: (scheduleId) => ticks.countDocuments({ scheduleId: { $eq: scheduleId } }),
    async explain(scheduleId, scheduledFor, reason) {
      await ticks.updateOne(
        { _id: `${scheduleId}:${scheduledFor.getTime()}`, reason: null },
        { $set: { reason } },
      );
    },
  };
}
