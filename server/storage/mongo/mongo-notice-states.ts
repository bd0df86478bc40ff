import type { Collection, Db } from 'mongodb';
import type { DeliveryStore } from '../notice-stores.ts';
import { readState, writeState } from '../stored-notices.ts';
import { insertMissing } from './insert-missing.ts';
import { type DeliveryDocument, deliveryToDocument } from './mongo-documents.ts';

interface StateDocument {
  _id: string;
  /** JSON. */
  state: string;
  version: number;
  /** Deliveries of this version that are still being stored; absent otherwise. */
  pending?: DeliveryDocument[];
}

/**
 * A state and the deliveries that it brings are one write: these are embedded in it, and copied from there by the
 * node that made it, or by the next one that reads it. Who has made it deals with the same fact again after a
 * crash, and so reads it.
 */
export function createMongoNoticeStates(
  db: Db,
  deliveries: Collection<DeliveryDocument>,
): Pick<DeliveryStore, 'findState' | 'advance'> {
  const states = db.collection<StateDocument>('noticeStates');

  async function complete({ _id, version, pending }: StateDocument): Promise<void> {
    if (pending === undefined) return;
    await insertMissing(deliveries, pending);
    await states.updateOne({ _id, version }, { $unset: { pending: '' } });
  }

  return {
    async findState(scheduleId) {
      const document = await states.findOne({ _id: { $eq: scheduleId } });
      if (document) await complete(document);
      return { state: readState(document?.state ?? null), version: document?.version ?? 0 };
    },

    async advance(scheduleId, expectedVersion, state, added) {
      const pending = added.length > 0 ? { pending: added.map(deliveryToDocument) } : {};
      const changed = { state: writeState(state), version: expectedVersion + 1, ...pending };
      const document = { _id: scheduleId, ...changed };
      if (expectedVersion === 0) {
        if (!(await insertMissing(states, [document]))) return false;
      } else {
        // one that is still being stored would be lost
        const current = { _id: scheduleId, version: expectedVersion, pending: null as never };
        if ((await states.updateOne(current, { $set: changed })).matchedCount !== 1) return false;
      }
      await complete(document);
      return true;
    },
  };
}
