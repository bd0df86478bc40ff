import type { Database } from 'libsql';
import { messageOf } from '../../domain/caught.ts';
import { NewerDatabaseError } from '../newer-database.ts';
import { MIGRATIONS } from './migrations.ts';

/** Marks the file as Sible's: "Sibl". */
const APPLICATION_ID = 0x5369626c;

/** The file is not what it should be; nothing was changed. */
export class DatabaseFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DatabaseFileError';
  }
}

/**
 * Checks the file without changing it.
 * @throws {DatabaseFileError} when it is not a database, another program's file, or damaged
 * @throws {NewerDatabaseError} when a newer version wrote it
 */
export function requireOwnFile(db: Database, path: string): void {
  let version: number;
  let isForeign: boolean;
  try {
    version = pragma(db, 'user_version');
    const tables = db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE type = 'table'").get() as {
      n: number;
    };
    isForeign = pragma(db, 'application_id') !== APPLICATION_ID && tables.n > 0;
  } catch (error) {
    throw new DatabaseFileError(`"${path}" cannot be read as a database: ${messageOf(error)}`);
  }
  if (isForeign) throw new DatabaseFileError(`"${path}" is a database of another program.`);
  requireKnown(version, path);
}

/**
 * Migrates the file to the newest schema; each step is done whole or not at all. Idempotent, and safe for
 * several processes at once: the transaction is the lock, and the pending steps are determined only inside it.
 * @throws {NewerDatabaseError} when another process has migrated it to a newer schema than this program knows
 */
export function migrate(db: Database, path: string): void {
  while (pragma(db, 'user_version') < MIGRATIONS.length) {
    db.exec('BEGIN IMMEDIATE');
    try {
      const version = pragma(db, 'user_version');
      const step = MIGRATIONS[version];
      if (step !== undefined)
        db.exec(`PRAGMA application_id = ${APPLICATION_ID}; ${step}; PRAGMA user_version = ${version + 1};`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
  requireKnown(pragma(db, 'user_version'), path);
}

function requireKnown(version: number, path: string): void {
  if (version > MIGRATIONS.length) throw new NewerDatabaseError(`"${path}"`, version, MIGRATIONS.length);
}

function pragma(db: Database, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() as object)[0]);
}
