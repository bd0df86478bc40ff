import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';

/** Where a MongoDB may be used by tests; null: there is none. With REQUIRE_MONGO=1 that is a failure. */
export function mongoUri(): string | null {
  const uri = process.env.MONGODB_URI;
  if (uri) return uri;
  if (process.env.REQUIRE_MONGO === '1')
    throw new Error('REQUIRE_MONGO=1, and MONGODB_URI names no MongoDB.');
  return null;
}

export interface MongoDatabase {
  readonly uri: string;
  drop(): Promise<void>;
}

/** A new database, to be dropped by the test. */
export function makeMongoDatabase(): MongoDatabase {
  const base = mongoUri();
  if (base === null) throw new Error('There is no MongoDB for tests.');
  const url = new URL(base);
  url.pathname = `/sible-test-${randomUUID().slice(0, 8)}`;
  const uri = url.toString();
  return {
    uri,
    async drop() {
      const client = new MongoClient(uri);
      try {
        await client.db().dropDatabase();
      } finally {
        await client.close();
      }
    },
  };
}

/**
 * Databases for the tests of one file: to make all collections and indexes anew for each test would take longer than
 * the tests. One that a test has dropped is emptied, keeps its schema and is given to the next.
 */
export function makeMongoDatabases(): { take(): MongoDatabase; dropAll(): Promise<void> } {
  const made: MongoDatabase[] = [];
  const free: MongoDatabase[] = [];
  const client = new MongoClient(mongoUri() ?? 'mongodb://127.0.0.1');
  const empty = async ({ uri }: MongoDatabase) => {
    const db = client.db(new URL(uri).pathname.slice(1));
    const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
    const emptied = names.filter((name) => name !== 'schema');
    await Promise.all(emptied.map((name) => db.collection(name).deleteMany({})));
  };
  return {
    take() {
      const database = free.pop() ?? makeMongoDatabase();
      if (!made.includes(database)) made.push(database);
      return {
        uri: database.uri,
        async drop() {
          await empty(database);
          free.push(database);
        },
      };
    },
    async dropAll() {
      await client.close();
      for (const database of made) await database.drop();
    },
  };
}
