import type { Db, Filter } from 'mongodb';
import type { Delivery } from '../../domain/notices/delivery.ts';
import type { DeliveryFilter, DeliveryStore } from '../notice-stores.ts';
import { MAX_IN_MESSAGE, readDelivery } from '../stored-notices.ts';
import type { DeliveryDocument } from './mongo-documents.ts';
import { createMongoNoticeStates } from './mongo-notice-states.ts';
import { findPage, type Order } from './mongo-pages.ts';

const NEWEST_FIRST: Order<DeliveryDocument> = {
  field: 'createdAt',
  type: 'number',
  isDescending: true,
  value: (document) => document.createdAt.getTime(),
  stored: (value) => new Date(value),
};
const BY_AGE = { createdAt: 1, _id: 1 } as const;
/** When a delivery that belongs to the message of another one is looked at again. */
const FOLLOW_MS = 3_600_000;
/** Each try finds that another node was faster. */
const MAX_TRIES = 20;

/**
 * States of a delivery; each transition is a compare-and-set on one document:
 *
 * | state     | messageId | dueAt        | isFormed | meaning                                        | next step                                               |
 * | --------- | --------- | ------------ | -------- | ---------------------------------------------- | ------------------------------------------------------- |
 * | (none)    | –         | –            | –        | embedded in the state of its schedule          | any node that next reads that state                     |
 * | pending   | null      | the first    | no       | waits                                          | `claim` as the first of a message, or joins one          |
 * | pending   | its own   | lease's end  | no       | claimed; others are joining                    | isFormed, or `claim` when the lease ends                 |
 * | pending   | its own   | lease's end  | yes      | claimed; being sent                            | `settle`, or `claim` when the lease ends                 |
 * | pending   | its own   | next try     | yes      | could not be sent                              | `claim`                                                 |
 * | pending   | another's | in an hour   | no       | joined                                         | settled with that one; waits again if that one has ended |
 * | delivered | either    | null         | either   | done                                           | `resend`, `remove`                                      |
 * | givenUp   | either    | null         | either   | done                                           | `resend`, `remove`                                      |
 *
 * Others join only before the first try, so each try sends the same. A node that is paused while they join may
 * add some after another node has formed the message: these wait again once it has ended.
 */
export function createMongoDeliveries(db: Db): DeliveryStore {
  const deliveries = db.collection<DeliveryDocument>('deliveries');
  const states = createMongoNoticeStates(db, deliveries);

  /** @returns whether the message is complete and still this claim's */
  async function form(first: DeliveryDocument): Promise<boolean> {
    const joining = await deliveries
      .find(
        { channelId: first.channelId, messageId: null, state: 'pending', _id: { $ne: first._id } },
        { projection: { _id: 1 } },
      )
      .sort(BY_AGE)
      .limit(MAX_IN_MESSAGE - 1)
      .toArray();
    if (joining.length > 0) {
      const lookAt = new Date((first.dueAt?.getTime() ?? 0) + FOLLOW_MS);
      await deliveries.updateMany(
        { _id: { $in: joining.map(({ _id }) => _id) }, messageId: null, state: 'pending' },
        { $set: { messageId: first._id, dueAt: lookAt } },
      );
    }
    const own = { _id: first._id, workerId: first.workerId, attempts: first.attempts, isFormed: false };
    return (await deliveries.updateOne(own, { $set: { isFormed: true } })).matchedCount === 1;
  }

  /** A delivery that has joined another one: waits on with it, or again on its own if that one has ended. */
  async function lookAgain({ _id, messageId, dueAt }: DeliveryDocument, now: Date): Promise<void> {
    const first = await deliveries.findOne({ _id: messageId ?? '' });
    const next =
      first?.state === 'pending'
        ? { dueAt: new Date(now.getTime() + FOLLOW_MS) }
        : { dueAt: now, messageId: null };
    await deliveries.updateOne({ _id, messageId, dueAt, state: 'pending' }, { $set: next });
  }

  return {
    findState: states.findState,
    advance: states.advance,

    async claim(workerId, leaseUntil, now, exceptChannels) {
      const due = { dueAt: { $lte: now }, channelId: { $nin: [...exceptChannels] } };
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const found = await deliveries.findOne(due, { sort: { dueAt: 1, _id: 1 } });
        if (!found) return null;
        const { _id, messageId, dueAt, attempts, isFormed } = found;
        if (messageId !== null && messageId !== _id) {
          await lookAgain(found, now);
          continue;
        }
        const claim = { messageId: _id, dueAt: leaseUntil, workerId, attempts: attempts + 1 };
        const asFound = { _id, messageId, dueAt, attempts, isFormed, state: 'pending' };
        if ((await deliveries.updateOne(asFound, { $set: claim })).matchedCount !== 1) continue;
        if (!isFormed && !(await form({ ...found, ...claim }))) continue;
        const all = await deliveries.find({ messageId: _id }).sort(BY_AGE).toArray();
        return {
          id: _id,
          channelId: found.channelId,
          attempts: claim.attempts,
          deliveries: all.map(documentToDelivery),
        };
      }
      return null;
    },

    async settle(messageId, workerId, attempts, { state, at, nextAttemptAt, answer }) {
      const held = { _id: messageId, workerId, attempts, state: 'pending' };
      if (!(await deliveries.findOne(held, { projection: { _id: 1 } }))) return false;
      const settled = {
        state,
        attempts,
        nextAttemptAt,
        deliveredAt: state === 'delivered' ? at : null,
        answer: answer.toWellFormed(),
      };
      // the first one last: until then it is claimed again if this is interrupted, and all of it sent again
      const ends = state === 'pending' ? {} : { dueAt: null };
      await deliveries.updateMany(
        { messageId, _id: { $ne: messageId }, state: { $ne: 'delivered' } },
        { $set: { ...settled, ...ends } },
      );
      const { matchedCount } = await deliveries.updateOne(held, {
        $set: { ...settled, dueAt: nextAttemptAt, workerId: null },
      });
      return matchedCount === 1;
    },

    async resend(id, now) {
      const found = await deliveries.findOne({ _id: { $eq: id }, state: { $ne: 'pending' } });
      if (!found) return null;
      const isFirst = found.messageId === found._id;
      const changed = {
        state: 'pending',
        attempts: 0,
        dueAt: now,
        nextAttemptAt: now,
        deliveredAt: null,
        workerId: null,
        messageId: isFirst ? found.messageId : null,
        isFormed: isFirst && found.isFormed,
      };
      const { matchedCount } = await deliveries.updateOne(
        { _id: found._id, state: found.state },
        { $set: changed },
      );
      return matchedCount === 1 ? documentToDelivery({ ...found, ...changed }) : null;
    },

    async find(id) {
      const document = await deliveries.findOne({ _id: { $eq: id } });
      return document && documentToDelivery(document);
    },

    list: (filter, page) =>
      findPage(deliveries, { filter: filterOf(filter), order: NEWEST_FIRST, page, map: documentToDelivery }),

    count: (filter) => deliveries.countDocuments(filterOf(filter)),

    async lastOfChannels(channelIds) {
      const newest = await Promise.all(
        channelIds.map((channelId) =>
          deliveries.findOne({ channelId: { $eq: channelId } }, { sort: { createdAt: -1, _id: -1 } }),
        ),
      );
      return new Map(
        newest.filter((one) => one !== null).map((one) => [one.channelId, documentToDelivery(one)]),
      );
    },

    async remove(which, limit) {
      const filter: Filter<DeliveryDocument> =
        'before' in which
          ? { createdAt: { $lt: which.before }, state: { $ne: 'pending' } }
          : { channelId: { $eq: which.channelId } };
      const oldest = await deliveries
        .find(filter, { projection: { _id: 1 } })
        .sort(BY_AGE)
        .limit(limit)
        .toArray();
      if (oldest.length === 0) return 0;
      const ids = oldest.map(({ _id }) => _id);
      return (await deliveries.deleteMany({ $and: [filter, { _id: { $in: ids } }] })).deletedCount;
    },
  };
}

function filterOf({ channelId }: DeliveryFilter): Filter<DeliveryDocument> {
  return channelId === undefined ? {} : { channelId: { $eq: channelId } };
}

function documentToDelivery({
  _id,
  dueAt: _dueAt,
  messageId: _messageId,
  isFormed: _isFormed,
  workerId: _workerId,
  ...stored
}: DeliveryDocument): Delivery {
  return readDelivery({ id: _id, ...stored });
}
