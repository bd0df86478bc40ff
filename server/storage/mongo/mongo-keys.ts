import type { Db } from 'mongodb';
import type { KeyBinding } from '../../domain/runs/idempotency.ts';
import type { KeyStore } from '../storage.ts';
import { insertMissing } from './insert-missing.ts';
import type { KeyDocument } from './mongo-documents.ts';

/** Each try finds that another caller was faster; more than a few in a row would be a defect. */
const MAX_TRIES = 10;

export function createMongoKeys(db: Db): KeyStore {
  const keys = db.collection<KeyDocument>('keys');

  async function find(key: string): Promise<KeyBinding | null> {
    const document = await keys.findOne({ _id: { $eq: key } });
    if (!document) return null;
    const { _id, ...binding } = document;
    return { key: _id, ...binding };
  }

  const insert = ({ key, ...binding }: KeyBinding) => insertMissing(keys, [{ _id: key, ...binding }]);

  return {
    find,

    async bind(binding, since) {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        if (await insert(binding)) return binding;
        const found = await find(binding.key);
        if (found && found.boundAt >= since) return found;
        if (found) await keys.deleteOne({ _id: binding.key, id: found.id });
      }
      throw new Error('A key is always being bound by others.');
    },

    async markDone(key, id) {
      await keys.updateOne({ _id: key, id }, { $set: { isDone: true } });
    },

    async forget(before, limit) {
      const old = await keys
        .find({ boundAt: { $lt: before } }, { projection: { _id: 1 } })
        .sort({ boundAt: 1 })
        .limit(limit)
        .toArray();
      if (old.length === 0) return 0;
      const which = { _id: { $in: old.map(({ _id }) => _id) }, boundAt: { $lt: before } };
      return (await keys.deleteMany(which)).deletedCount;
    },
  };
}
