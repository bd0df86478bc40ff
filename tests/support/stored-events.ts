import { join } from 'node:path';
import { localId } from '../../server/graphql/ids.ts';
import { openStorage } from '../../server/storage/open-storage.ts';
import { TIMINGS } from '../../server/timings.ts';
import type { StorageChoice } from './storages.ts';
import type { TestServer } from './with-server.ts';

/** The events that a server has stored. */
export interface StoredEvents {
  /** @param runId as the API has it */
  of(runId: string): Promise<string[]>;
}

/** Opens the database of a server beside it. */
export async function withStoredEvents(
  { dataDir }: TestServer,
  { env }: StorageChoice,
  work: (events: StoredEvents) => Promise<void>,
): Promise<void> {
  const storage = await openStorage({
    mongodbUri: env.MONGODB_URI ?? null,
    sqlitePath: join(dataDir, 'sible.sqlite'),
    timings: TIMINGS,
  });
  try {
    await work({
      async of(runId) {
        const limits = { maxLines: 1_000_000, maxBytes: 100_000_000 };
        const { lineCount, text } = await storage.runLogs.read(localId('Run', runId), 'events', 0, limits);
        return lineCount === 0 ? [] : text.split('\n');
      },
    });
  } finally {
    await storage.close();
  }
}
