import { describe } from 'vitest';
import { makeMongoDatabase, mongoUri } from './mongo.ts';

/** What a server is told of its storage, and what clears it away. */
export interface StorageChoice {
  readonly env: Record<string, string>;
  drop(): Promise<void>;
}

/** Embedded, in the server's own data folder: nothing to tell and nothing to clear away. */
export const SQLITE: StorageChoice = { env: {}, drop: async () => undefined };

/** Runs the same tests on both storages; says so when there is no MongoDB. */
export function describeOnBothStorages(title: string, body: (choose: () => StorageChoice) => void): void {
  describe(`${title} on SQLite`, () => body(() => SQLITE));
  if (mongoUri() === null) console.log(`Not covered on MongoDB, since MONGODB_URI is not set: ${title}`);
  describe.skipIf(mongoUri() === null)(`${title} on MongoDB`, () =>
    body(() => {
      const database = makeMongoDatabase();
      return { env: { MONGODB_URI: database.uri }, drop: database.drop };
    }),
  );
}
