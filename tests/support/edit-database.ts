import { join } from 'node:path';
import Database from 'libsql';
import type { TestServer } from './with-server.ts';

/** Kills a server on SQLite, changes a row behind its back, and starts it again. */
export async function editDatabase(test: TestServer, sql: string, ...values: unknown[]): Promise<void> {
  await test.server.kill();
  const database = new Database(join(test.dataDir, 'sible.sqlite'));
  database.prepare(sql).run(...values);
  database.close();
  await test.restart();
}
