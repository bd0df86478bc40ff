import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Collection, type Db, MongoServerError } from 'mongodb';
import { NewerDatabaseError } from '../newer-database.ts';
import { DUPLICATE_KEY } from './insert-missing.ts';
import { MIGRATIONS, type Statement } from './migrations.ts';

/**
 * The one document that says how far the database has been migrated, and by whom. Each change of it is a compare-and-set:
 *
 * | version | lock           | state                                  | goes on by                                              |
 * | ------- | -------------- | -------------------------------------- | ------------------------------------------------------- |
 * | n       | absent         | a crash, or an older program, was here | any node takes the lock                                 |
 * | n       | owner renews   | the owner does step n + 1              | it sets n + 1; others wait                              |
 * | n       | not renewed    | the owner is dead, or was paused       | a waiting node takes the lock over, repeats step n + 1   |
 * | last    | absent         | done                                   | every node goes on without a lock                       |
 *
 * An owner that lost the lock cannot set a number any more. No document: version 0, an empty database or one of the versions
 * that left no number.
 */
interface SchemaDocument {
  _id: 'schema';
  /** Number of the last step that was done whole. */
  version: number;
  lock?: Lock;
}

/**
 * A lease. The owner counts up while it lives, and another node takes over when the count stood still for the length of the
 * lease on its own clock: clocks of nodes differ, and an instant in here would be one of the owner's.
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
 * Brings the database to the newest schema; one node does it, others that start meanwhile wait for it. May be interrupted
 * anywhere: the next start goes on from there.
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
    if (!found) await insertFirst(schema);
    else if (!found.lock || isExpired(found.lock)) {
      const lock = { owner: randomUUID(), renewals: 0 };
      if (await take(schema, found, lock)) await doSteps(db, schema, { version, lock, steps, leaseMs });
    } else await delay(leaseMs / 50);
  }
}

async function insertFirst(schema: Collection<SchemaDocument>): Promise<void> {
  try {
    await schema.insertOne({ _id: ID, version: 0 });
  } catch (error) {
    // another node was faster
    if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error;
  }
}

/** @returns a question whether a lock has stood still for the whole lease, as far as was asked */
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

/** Ends early, without an error, when another node has taken the lock over. */
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
      // the next renewal may reach it
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
    // what cannot be released expires
    await schema.updateOne(own, { $unset: { lock: '' } }).catch(() => undefined);
  }
}
