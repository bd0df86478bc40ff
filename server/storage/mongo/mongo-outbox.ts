import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import type { Fact } from '../../domain/facts.ts';
import type { OutboxStore } from '../storage.ts';
import { readFact, writeFact } from '../stored-facts.ts';
import type { OutboxDocument } from './mongo-documents.ts';

/** A fact as first stored. */
export function factToDocument(id: string, at: Date, fact: Fact): OutboxDocument {
  return { _id: id, at, fact: writeFact(fact), dueAt: at, workerId: null, attempts: 0 };
}

/**
 * States of a row; each transition is a compare-and-set on one document:
 *
 * | dueAt          | workerId | state                                              | next step                                     |
 * | -------------- | -------- | -------------------------------------------------- | --------------------------------------------- |
 * | (no row)       | –        | embedded in the document whose change it reports   | any node that next touches that document      |
 * | when recorded  | none     | waits                                              | `claim` by any node                           |
 * | end of a lease | a worker | claimed: that worker delivers it                   | `remove`, `retry`, or `claim` after the lease |
 * | next try       | none     | could not be delivered                             | `claim` by any node                           |
 *
 * A node paused between the row and the document may store the row again after its removal: it is then
 * delivered twice, under the same id.
 * @param recordPending records all facts that are still embedded in documents
 */
export function createMongoOutbox(db: Db, recordPending: () => Promise<void>): OutboxStore {
  const outbox = db.collection<OutboxDocument>('outbox');
  return {
    async claim(workerId, limit, leaseUntil, now) {
      await recordPending();
      // the driver takes 0 as no limit
      if (limit === 0) return [];
      const due = await outbox
        .find({ dueAt: { $lte: now } }, { projection: { _id: 1 } })
        .sort({ dueAt: 1, _id: 1 })
        .limit(limit)
        .toArray();
      if (due.length === 0) return [];
      // of rows that another node claims meanwhile, each is either its or ours
      const claim = randomUUID();
      await outbox.updateMany(
        { _id: { $in: due.map(({ _id }) => _id) }, dueAt: { $lte: now } },
        { $set: { dueAt: leaseUntil, workerId, claim }, $inc: { attempts: 1 } },
      );
      const claimed = await outbox.find({ claim }).toArray();
      const order = new Map(due.map(({ _id }, i) => [_id, i]));
      return claimed
        .sort((one, other) => (order.get(one._id) ?? 0) - (order.get(other._id) ?? 0))
        .map(({ _id, at, fact, attempts }) => ({ id: _id, at, fact: readFact(fact), attempts }));
    },

    async retry(workerId, id, at) {
      const { matchedCount } = await outbox.updateOne(
        { _id: { $eq: id }, workerId: { $eq: workerId } },
        { $set: { dueAt: at, workerId: null } },
      );
      return matchedCount === 1;
    },

    async remove(ids) {
      if (ids.length > 0) await outbox.deleteMany({ _id: { $in: [...ids] } });
    },
  };
}
