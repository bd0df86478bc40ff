import { MongoBackend } from '@agendajs/mongo-backend';
import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { messageOf } from '../../domain/caught.ts';
import { type MongoTimings, TIMINGS } from '../../timings.ts';
import { NewerDatabaseError } from '../newer-database.ts';
import type { Storage } from '../storage.ts';
import { ClosingConnection } from './closing-connection.ts';
import { createMongoChanges } from './mongo-changes.ts';
import { createMongoChannels } from './mongo-channels.ts';
import { createMongoDeliveries } from './mongo-deliveries.ts';
import { createMongoEnds } from './mongo-ends.ts';
import { createMongoFirings } from './mongo-firings.ts';
import { createMongoKeys } from './mongo-keys.ts';
import { createMongoOutbox } from './mongo-outbox.ts';
import { createMongoRemoval } from './mongo-removal.ts';
import { createMongoRunLogs } from './mongo-run-logs.ts';
import { createMongoRuns } from './mongo-runs.ts';
import { createMongoSchedules } from './mongo-schedules.ts';
import { migrate } from './mongo-schema.ts';
import { createMongoTicks } from './mongo-ticks.ts';
import { reopenWhenSilent } from './silent-driver.ts';

/** The database cannot be used; the message says why, without the credentials in its URI. */
export class DatabaseConnectionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DatabaseConnectionError';
  }
}

const MAX_CONNECTIONS = 30;
/** The driver reads it from here, although its types do not declare it. */
const WITH_CLOSING_CONNECTIONS = { connectionType: ClosingConnection } as MongoClientOptions;
const DEFAULT_DATABASE = 'sible';

/**
 * Opens the storage for any number of nodes. Relies only on single-document atomicity and unique keys: a single
 * `mongod` and compatible servers have neither transactions nor change streams.
 * @throws {DatabaseConnectionError} when it does not answer within a few seconds
 * @throws {NewerDatabaseError} when a newer version has written to it
 */
export async function openMongoStorage(uri: string, timings: MongoTimings = TIMINGS.mongo): Promise<Storage> {
  let client: MongoClient;
  try {
    client = new MongoClient(uri, {
      appName: 'sible',
      serverSelectionTimeoutMS: timings.connectMs,
      connectTimeoutMS: timings.connectMs,
      socketTimeoutMS: timings.socketMs,
      heartbeatFrequencyMS: timings.driverLookMs,
      // more would only wait for each other in the server
      maxPoolSize: MAX_CONNECTIONS,
      // needs a replica set; our own writes are idempotent, and are retried where they must not be lost
      retryWrites: false,
      writeConcern: { w: 'majority', journal: true },
      readPreference: 'primary',
      ...WITH_CLOSING_CONNECTIONS,
    });
  } catch (error) {
    throw new DatabaseConnectionError(`MONGODB_URI is not valid: ${withoutUser(error)}`);
  }
  // failing calls report a server that the driver cannot work with; an unhandled event would end the process
  client.on('error', () => undefined);
  try {
    await client.connect();
    const db = client.db(uriHasDatabase(uri) ? undefined : DEFAULT_DATABASE);
    return await assemble(client, db, timings);
  } catch (error) {
    await client.close().catch(() => undefined);
    if (error instanceof NewerDatabaseError) throw error;
    throw new DatabaseConnectionError(`The MongoDB of MONGODB_URI cannot be used: ${withoutUser(error)}`);
  }
}

async function assemble(client: MongoClient, db: Db, timings: MongoTimings): Promise<Storage> {
  await migrate(db, { leaseMs: timings.migrationLeaseMs });
  const jobBackend = new MongoBackend({ mongo: db, collection: 'jobs' });
  await jobBackend.connect();
  const changes = createMongoChanges(db, timings);
  const [firings, ends] = [createMongoFirings(db), createMongoEnds(db)];
  async function recordPending(): Promise<void> {
    await firings.completeOf(null);
    await firings.settled(null);
    await ends.recordPending();
  }
  const stopLooking = reopenWhenSilent(client, {
    silentMs: timings.silentMs,
    everyMs: timings.silentLookMs,
  });
  return {
    kind: 'mongodb',
    isShared: true,
    schedules: createMongoSchedules(db, firings),
    ticks: createMongoTicks(db),
    runs: createMongoRuns(db, ends),
    runLogs: createMongoRunLogs(db),
    keys: createMongoKeys(db),
    outbox: createMongoOutbox(db, recordPending),
    channels: createMongoChannels(db),
    deliveries: createMongoDeliveries(db),
    removal: createMongoRemoval(db),
    changes,
    jobBackend,
    async ping(timeoutMs) {
      await db.command({ ping: 1 }, { timeoutMS: timeoutMs });
    },
    async close() {
      stopLooking();
      await changes.close();
      await client.close();
    },
  };
}

function uriHasDatabase(uri: string): boolean {
  return /^mongodb(\+srv)?:\/\/[^/]+\/[^?]/.test(uri);
}

/** The driver's messages name hosts, not users; removes the user from a URI that slips in. */
function withoutUser(error: unknown): string {
  return messageOf(error).replace(/\/\/[^@/\s]*@/g, '//…@');
}
