import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Collection, Db } from 'mongodb';
import { NewerDatabaseError } from '../newer-database.ts';
import { insertMissing } from './insert-missing.ts';
import { MIGRATIONS, type Statement } from './migrations.ts';

/**
 * The one document that says how far the database has been migrated, and by whom. Each transition is a
 * compare-and-set:
 *
 * | version | lock         | state                                  | next step                                                 |
 * | ------- | ------------ | -------------------------------------- | --------------------------------------------------------- |
 * | n       | absent       | a crash, or an older program, was here | any node takes the lock                                   |
 * | n       | owner renews | the owner does step n + 1              | it sets n + 1; others wait                                |
 * | n       | not renewed  | the owner is dead, or was paused       | a waiting node takes over the lock and repeats step n + 1 |
 * | last    | absent       | done                                   | every node continues without a lock                       |
 *
 * An owner that lost the lock can no longer set a number. No document: version 0, an empty database or one of
 * the versions that stored no number.
 */
interface SchemaDocument {
  _id: 'schema';
  /** Number of the last completed step. */
  version: number;
  lock?: Lock;
}

/**
 * A lease. The owner increments the count while it lives. Another node takes over once the count has not
 * changed for the length of the lease on its own clock: clocks of nodes differ, and a stored instant would be
 * the owner's.
 */
interface Lock {
  owner: string;
  renewals: number;
}

const ID = 'schema';

interface MigrateOptions {
  readonly steps?: readonly (readonly Statement[])[];
  /** How long a lock that is not renewed is respected, in ms. */
  readonly leaseMs: number;
}

/**
 * Migrates the database to the newest schema; one node does it, and others that start meanwhile wait for it.
 * May be interrupted anywhere: the next start continues from there.
 * @throws {NewerDatabaseError} when a newer version has migrated it; nothing was changed then
 */
export async function migrate(db: Db, { steps = MIGRATIONS, leaseMs }: MigrateOptions): Promise<void> {
  const schema = db.collection<SchemaDocument>(ID);
  const isExpired = createExpiry(leaseMs);
  for (;;) {
    const found = await schema.findOne({ _id: ID });
    const version = found?.version ?? 0;
    if (version > steps.length)
      throw new NewerDatabaseError('The database of MONGODB_URI', version, steps.length);
    if (version === steps.length) return;
    if (!found) await insertMissing(schema, [{ _id: ID, version: 0 }]);
    else if (!found.lock || isExpired(found.lock)) {
      const lock = { owner: randomUUID(), renewals: 0 };
      if (await take(schema, found, lock)) await doSteps(db, schema, { version, lock, steps, leaseMs });
    } else await delay(leaseMs / 50);
  }
}

/** @returns a predicate: whether a lock has not changed for the whole lease, as observed between calls */
function createExpiry(leaseMs: number): (lock: Lock) => boolean {
  let seen: Lock | null = null;
  let since = 0;
  return (lock) => {
    const isSame = seen?.owner === lock.owner && seen.renewals === lock.renewals;
    if (!isSame) {
      seen = lock;
      since = performance.now();
    }
    return performance.now() - since >= leaseMs;
  };
}

async function take(
  schema: Collection<SchemaDocument>,
  { version, lock: earlier }: SchemaDocument,
  lock: Lock,
): Promise<boolean> {
  const asSeen = earlier
    ? { 'lock.owner': earlier.owner, 'lock.renewals': earlier.renewals }
    : { lock: null as never };
  const { matchedCount } = await schema.updateOne({ _id: ID, version, ...asSeen }, { $set: { lock } });
  return matchedCount === 1;
}

/** Returns early, without an error, when another node has taken over the lock. */
async function doSteps(
  db: Db,
  schema: Collection<SchemaDocument>,
  task: Required<MigrateOptions> & { readonly version: number; readonly lock: Lock },
): Promise<void> {
  const { steps, leaseMs } = task;
  const own = { _id: ID, 'lock.owner': task.lock.owner } as const;
  let isOurs = true;
  const renewing = setInterval(() => {
    schema.updateOne(own, { $inc: { 'lock.renewals': 1 } }).then(
      ({ matchedCount }) => {
        if (matchedCount !== 1) isOurs = false;
      },
      // the next renewal may succeed
      () => undefined,
    );
  }, leaseMs / 5);
  try {
    for (let { version } = task; version < steps.length; version += 1) {
      for (const statement of steps[version] ?? []) {
        if (!isOurs) return;
        await statement(db);
      }
      const isDone = { ...own, version };
      const { matchedCount } = await schema.updateOne(isDone, { $set: { version: version + 1 } });
      if (matchedCount !== 1) return;
    }
  } finally {
    clearInterval(renewing);
    // a lock that cannot be released expires
    await schema.updateOne(own, { $unset: { lock: '' } }).catch(() => undefined);
  }
}
