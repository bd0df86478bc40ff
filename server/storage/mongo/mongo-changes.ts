import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Db, ObjectId } from 'mongodb';
import type { MongoTimings } from '../../timings.ts';
import { notifyListeners } from '../notify-listeners.ts';
import type { Change, ChangeFeed } from '../storage.ts';
import type { ChangeDocument } from './mongo-documents.ts';

/** Clocks of nodes differ: how far back each poll looks, and how long it remembers what it has reported. */
const OVERLAP_MS = 10_000;
/** Nobody can read more than this at once; the rest is dropped, since changes are hints. */
const MAX_PER_POLL = 5_000;

/**
 * Notifies other nodes through a collection that they poll while they have listeners: change streams need a
 * replica set.
 */
export function createMongoChanges(db: Db, timings: MongoTimings): ChangeFeed & { close(): Promise<void> } {
  const changes = db.collection<ChangeDocument>('changes');
  const node = randomUUID();
  const listeners = new Set<(change: Change) => void>();
  const closing = new AbortController();
  let polling: Promise<void> | null = null;
  let outbox: ChangeDocument[] = [];
  let sending: Promise<void> | null = null;

  const notify = (change: Change) => notifyListeners(listeners, change);

  /** Changes published while one batch is being sent form the next one. */
  async function send(): Promise<void> {
    while (outbox.length > 0) {
      const batch = outbox;
      outbox = [];
      // a lost hint costs freshness and nothing else
      await changes.insertMany(batch, { ordered: false }).catch(() => undefined);
    }
    sending = null;
  }

  async function poll(): Promise<void> {
    let waitMs = timings.changesPollMs;
    let from = new Date(Date.now() - OVERLAP_MS);
    /** Earlier changes are no news to a new listener. */
    const told = new Map<string, number>(await idsSince(from).catch(() => []));
    while (listeners.size > 0 && !closing.signal.aborted) {
      await delay(waitMs, undefined, { ref: false, signal: closing.signal }).catch(() => undefined);
      try {
        from = new Date(Date.now() - OVERLAP_MS);
        const found = await changes
          .find({ at: { $gte: from }, node: { $ne: node } })
          .sort({ at: 1 })
          .limit(MAX_PER_POLL)
          .toArray();
        for (const { _id, kind, id, at } of found) {
          if (told.has(String(_id))) continue;
          told.set(String(_id), at.getTime());
          if (kind === 'schedule' || kind === 'run') notify({ kind, id });
        }
        for (const [id, at] of told) if (at < from.getTime() - OVERLAP_MS) told.delete(id);
        waitMs = timings.changesPollMs;
      } catch {
        waitMs = Math.min(waitMs * 2, timings.changesMaxPollMs);
      }
    }
    polling = null;
  }

  async function idsSince(from: Date): Promise<[string, number][]> {
    const found = await changes.find({ at: { $gte: from } }, { projection: { at: 1 } }).toArray();
    return found.map(({ _id, at }: { _id: ObjectId; at: Date }) => [String(_id), at.getTime()]);
  }

  return {
    async publish(change) {
      notify(change);
      outbox.push({ ...change, node, at: new Date() });
      sending ??= send();
    },

    listen(listener) {
      const own = (change: Change) => listener(change);
      listeners.add(own);
      polling ??= poll();
      return () => listeners.delete(own);
    },

    async close() {
      closing.abort();
      await Promise.all([polling, sending]);
    },
  };
}
