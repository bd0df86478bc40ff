import type { CreateIndexesOptions, Db, IndexDescription } from 'mongodb';

/** One statement of a step. */
export type Statement = (db: Db) => Promise<unknown>;

/**
 * Building an index over all runs takes as long as it takes: the timeout of ordinary calls must not apply. The
 * driver reads it from here, although its types do not declare it; `timeoutMS` has no effect in 7.9.
 */
const LONG = { socketTimeoutMS: 3_600_000 } as CreateIndexesOptions;

/**
 * Steps numbered from 1; the database holds the number of the last completed one ({@link migrate}). Append
 * only: a released step never changes. There are no transactions, so a step may be interrupted after any
 * statement and is then repeated from its beginning, and a node that was paused may repeat a statement after
 * others have moved on. So each statement does nothing where it was done before, and harms nothing that later
 * steps or the program have made since. Data that a step has not reached yet must be readable, too: a missing
 * field reads as its default.
 */
export const MIGRATIONS: readonly (readonly Statement[])[] = [
  // what the versions before this list created; they stored no number
  [
    indexes('schedules', [
      { key: { nextRunSort: 1, _id: 1 } },
      { key: { enabled: 1, nextRunSort: 1, _id: 1 } },
      { key: { nameSort: 1, _id: 1 } },
      { key: { createdAt: -1, _id: -1 } },
      { key: { playbook: 1, nameSort: 1 } },
      { key: { 'firing.id': 1 }, sparse: true },
    ]),
    indexes('ticks', [{ key: { scheduleId: 1, scheduledFor: -1, _id: -1 } }]),
    indexes('runs', [
      { key: { queuedAt: -1, _id: -1 } },
      { key: { scheduleId: 1, queuedAt: -1, _id: -1 } },
      { key: { status: 1, queuedAt: -1, _id: -1 } },
      { key: { playbook: 1, queuedAt: -1, _id: -1 } },
      { key: { playbook: 1, status: 1, queuedAt: -1, _id: -1 } },
      { key: { status: 1, leaseUntil: 1 } },
      { key: { workerId: 1, status: 1 } },
      { key: { scheduleId: 1, status: 1 } },
    ]),
    indexes('runLogs', [{ key: { runId: 1, firstLine: 1 } }]),
    indexes('keys', [{ key: { boundAt: 1 } }]),
    indexes('changes', [{ key: { at: 1 }, expireAfterSeconds: 3_600 }]),
    indexes('jobs', [{ key: { name: 1, 'data.instant': 1 } }, { key: { name: 1, 'data.runId': 1 } }]),
  ],
  // the policy as one value, and when the next instant is due besides its nominal time
  [indexes('schedules', [{ key: { enabled: 1, dueAt: 1, _id: 1 } }]), splitOffPolicies],
  [
    indexes('outbox', [{ key: { dueAt: 1, _id: 1 } }, { key: { claim: 1 }, sparse: true }]),
    indexes('runs', [{ key: { 'ended.at': 1 }, sparse: true }]),
  ],
  // events of runs, stored like their output
  [indexes('runEvents', [{ key: { runId: 1, firstLine: 1 } }])],
  // whom to tell
  [indexes('channels', [{ key: { nameSort: 1, _id: 1 } }])],
  // removal of old ticks
  [indexes('ticks', [{ key: { scheduledFor: 1 } }])],
  // what was told, and to whom
  [
    indexes('deliveries', [
      { key: { dueAt: 1, _id: 1 } },
      { key: { messageId: 1, createdAt: 1, _id: 1 } },
      { key: { createdAt: -1, _id: -1 } },
      { key: { channelId: 1, createdAt: -1, _id: -1 } },
    ]),
  ],
];

/** Documents that an older program changes meanwhile are read again. */
async function splitOffPolicies(db: Db): Promise<void> {
  const schedules = db.collection<EarlierSchedule>('schedules');
  const untouched = { policy: null as never };
  for (;;) {
    const some = await schedules
      .find(untouched, { projection: { overlap: 1, nextRunAt: 1 } })
      .limit(1_000)
      .toArray();
    if (some.length === 0) return;
    await schedules.bulkWrite(
      some.map(({ _id, overlap, nextRunAt }) => ({
        updateOne: {
          filter: { _id, nextRunAt, ...untouched },
          update: { $set: { policy: JSON.stringify({ overlap }), dueAt: nextRunAt } },
        },
      })),
    );
  }
}

interface EarlierSchedule {
  _id: string;
  overlap?: string;
  nextRunAt: Date | null;
  policy?: string;
  dueAt?: Date | null;
}

/** Creates the missing indexes. */
function indexes(collection: string, descriptions: IndexDescription[]): Statement {
  return (db) => db.collection(collection).createIndexes(descriptions, LONG);
}
