import { type Collection, MongoBulkWriteError, type OptionalUnlessRequiredId } from 'mongodb';

export const DUPLICATE_KEY = 11_000;

/**
 * Inserts the documents that are missing; existing ones stay as they are.
 * @returns whether all were missing
 */
export async function insertMissing<D extends { _id: string }>(
  collection: Collection<D>,
  documents: readonly D[],
): Promise<boolean> {
  if (documents.length === 0) return true;
  try {
    await collection.insertMany([...documents] as OptionalUnlessRequiredId<D>[], { ordered: false });
    return true;
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const faults = [error.writeErrors].flat();
    // without write errors, the failure is about the write concern: the inserts may be rolled back
    const isAllThere =
      faults.length > 0 &&
      faults.every(({ code }) => code === DUPLICATE_KEY) &&
      error.result.getWriteConcernError() === undefined;
    if (!isAllThere) throw error;
    return false;
  }
}
