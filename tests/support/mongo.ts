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

/** A new database, to be dropped by the test. */
export function makeMongoDatabase(): { readonly uri: string; drop(): Promise<void> } {
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
