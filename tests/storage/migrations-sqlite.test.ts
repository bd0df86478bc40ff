import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../server/storage/sqlite/migrations.ts';
import { migrate } from '../../server/storage/sqlite/sqlite-schema.ts';
import { openSqliteStorage } from '../../server/storage/sqlite/sqlite-storage.ts';
import { type ClosedDatabase, describeMigrations } from '../contract/migration-contract.ts';
import { readEverything } from '../support/previous-version/contents.ts';
import { copyDataDir, readExpected } from '../support/previous-version/copy.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const expected = readExpected('sqlite');
const { ids: _, ...everything } = expected;

async function makeEmpty(): Promise<ClosedDatabase & { readonly path: string }> {
  const folder = await makeTempDir();
  const path = join(folder.path, 'sible.sqlite');
  const withFile = async <T>(work: (db: Database.Database) => T) => {
    const db = new Database(path);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  return {
    path,
    open: () => openSqliteStorage(path),
    version: () => withFile(versionOf),
    setVersion: (version) => withFile((db) => void db.exec(`PRAGMA user_version = ${version}`)),
    dump: () => withFile(dumpOf),
    remove: folder.remove,
  };
}

async function makePrevious() {
  const database = await makeEmpty();
  copyDataDir('sqlite', join(database.path, '..'));
  return database;
}

describeMigrations('sqlite', { newest: MIGRATIONS.length, expected, makeEmpty, makePrevious });

describe('migrations of the file', () => {
  it('a process that is killed within a step leaves the file as it was before, and the next start does it', async () => {
    const first = await versionOfPrevious();
    for (const [step, sql] of MIGRATIONS.entries()) {
      const make = step < first ? makeEmpty : makePrevious;
      const whole = await openAndDump(await make());
      for (const count of statementsOf(sql).keys()) {
        const [killed, left] = [await make(), await makeEmpty()];
        const db = new Database(killed.path);
        // written to the journal while they are not committed: what a kill may leave at most
        db.exec('PRAGMA journal_mode = WAL; PRAGMA cache_size = 1; PRAGMA cache_spill = 1');
        for (const done of MIGRATIONS.slice(versionOf(db), step)) db.exec(done);
        db.exec(`PRAGMA application_id = ${0x5369626c}; PRAGMA user_version = ${step}; BEGIN IMMEDIATE`);
        for (const statement of statementsOf(sql).slice(0, count + 1)) db.exec(statement);
        for (const suffix of ['', '-wal'])
          if (existsSync(killed.path + suffix)) copyFileSync(killed.path + suffix, left.path + suffix);
        db.exec('ROLLBACK');
        db.close();

        expect(await openAndDump(left), `${step + 1}.${count + 1}`).toEqual(whole);
        await killed.remove();
      }
    }
  });

  it('a step that fails leaves nothing of itself, and the steps before it done', async () => {
    const database = await makeEmpty();
    const db = new Database(database.path);
    const failing = replacing(db, (sql) => (sql.includes('CREATE TABLE keys') ? `${sql} no SQL` : sql));

    expect(() => migrate(failing, database.path)).toThrow(/syntax error/);

    expect(versionOf(db)).toBe(2);
    expect(db.prepare("SELECT name FROM sqlite_master WHERE name = 'keys'").all()).toEqual([]);
    db.close();
    await (await database.open()).close();
    expect(await database.version()).toBe(MIGRATIONS.length);
    await database.remove();
  });

  it('does no step that another process has done since it looked', async () => {
    const database = await makePrevious();
    const db = new Database(database.path);
    let isFirst = true;
    const beaten = replacing(db, (sql) => {
      if (sql.startsWith('BEGIN') && isFirst) {
        isFirst = false;
        const other = new Database(database.path);
        migrate(other, database.path);
        other.close();
      }
      return sql;
    });

    migrate(beaten, database.path);

    db.close();
    const storage = await database.open();
    expect(await readEverything(storage)).toMatchObject(everything);
    await storage.close();
    await database.remove();
  });
});

async function versionOfPrevious(): Promise<number> {
  const previous = await makePrevious();
  const version = await previous.version();
  await previous.remove();
  return version;
}

async function openAndDump(database: ClosedDatabase): Promise<unknown> {
  await (await database.open()).close();
  const dump = await database.dump();
  await database.remove();
  return dump;
}

function versionOf(db: Database.Database): number {
  return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

function dumpOf(db: Database.Database): unknown {
  const schema = db.prepare('SELECT type, name, sql FROM sqlite_master ORDER BY name').all() as {
    type: string;
    name: string;
  }[];
  const tables = schema
    .filter(({ type }) => type === 'table')
    .map(({ name }) => [name, db.prepare(`SELECT * FROM "${name}"`).all()]);
  return { version: versionOf(db), schema, tables: JSON.stringify(tables) };
}

/** The same database, to which other SQL is given. */
function replacing(db: Database.Database, sqlOf: (sql: string) => string): Database.Database {
  return new Proxy(db, {
    get(target, key) {
      if (key === 'exec') return (sql: string) => target.exec(sqlOf(sql));
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

function statementsOf(sql: string): string[] {
  return sql
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
