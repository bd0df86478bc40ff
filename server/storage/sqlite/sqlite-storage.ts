import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'libsql';
import { messageOf } from '../../domain/caught.ts';
import { type SqliteTimings, TIMINGS } from '../../timings.ts';
import type { Storage } from '../storage.ts';
import { createSqliteChanges } from './sqlite-changes.ts';
import { createSqliteChannels } from './sqlite-channels.ts';
import { createSqliteDeliveries } from './sqlite-deliveries.ts';
import { createSqliteJobBackend } from './sqlite-job-backend.ts';
import { createSqliteKeys } from './sqlite-keys.ts';
import { createSqliteOutbox } from './sqlite-outbox.ts';
import { createSqliteRemoval } from './sqlite-removal.ts';
import { retryWhileBusy } from './sqlite-retry.ts';
import { createSqliteRunLogs } from './sqlite-run-logs.ts';
import { createSqliteRuns } from './sqlite-runs.ts';
import { createSqliteSchedules, createSqliteTicks } from './sqlite-schedules.ts';
import { DatabaseFileError, migrate, requireOwnFile } from './sqlite-schema.ts';
import { createStatements } from './sqlite-statements.ts';

/**
 * Opens the embedded storage: one file, created if missing, readable by its owner only. For one server process.
 * @throws {DatabaseFileError} when the file is not a database, or another program's
 * @throws {NewerDatabaseError} when a newer version wrote it
 */
export async function openSqliteStorage(
  path: string,
  timings: SqliteTimings = TIMINGS.sqlite,
): Promise<Storage> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const db = open(path);
  try {
    requireOwnFile(db, path);
    configure(db);
    migrate(db, path);
    // from now on a wait inside SQLite would block the whole server: see `retryWhileBusy`
    db.exec('PRAGMA busy_timeout = 20');
  } catch (error) {
    db.close();
    throw error;
  }
  const statements = createStatements(db);
  const { record, ...outbox } = createSqliteOutbox(statements);
  const { insertNow, ...runs } = createSqliteRuns(statements, record);
  const jobBackend = createSqliteJobBackend(statements);
  const retrying = <Store extends object>(store: Store) => retryWhileBusy(store, timings);
  return {
    kind: 'sqlite',
    isShared: false,
    schedules: retrying(createSqliteSchedules(statements, insertNow, record)),
    ticks: retrying(createSqliteTicks(statements)),
    runs: retrying(runs),
    runLogs: retrying(createSqliteRunLogs(statements)),
    keys: retrying(createSqliteKeys(statements)),
    outbox: retrying(outbox),
    channels: retrying(createSqliteChannels(statements)),
    deliveries: retrying(createSqliteDeliveries(statements)),
    removal: retrying(createSqliteRemoval(statements)),
    changes: createSqliteChanges(),
    jobBackend: { ...jobBackend, repository: retrying(jobBackend.repository) },
    async ping() {
      statements.get('SELECT 1');
    },
    async close() {
      if (db.open) db.close();
    },
  };
}

function open(path: string): Database.Database {
  try {
    // created here first: SQLite would let others read it and its journals
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    return new Database(path);
  } catch (error) {
    throw new DatabaseFileError(`"${path}" cannot be opened as a database: ${messageOf(error)}`);
  }
}

function configure(db: Database.Database): void {
  // pages of 4 KiB: each commit writes whole pages, and with 16 KiB a fire took twice as long, a log hardly less;
  // WAL: readers and the writer do not block each other; NORMAL: a power cut may undo the newest commits,
  // but never half of one, and undone work is done again
  // INCREMENTAL: retention gives free pages back; in effect from the first page of a new file on
  db.exec('PRAGMA auto_vacuum = INCREMENTAL;');
  db.exec(
    'PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;',
  );
  db.exec('PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON;');
}
