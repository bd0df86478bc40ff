import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BSON, type Document, MongoClient } from 'mongodb';
import { DEFAULT_POLICY } from '../../../server/domain/schedules/policy.ts';

const FIXTURE = new URL('../../fixtures/previous-version/', import.meta.url).pathname;

/** What the previous version read from its own database, and the runs under way when it was killed. */
export interface Expected extends Record<string, unknown> {
  readonly ids: { readonly killed: string; readonly endsAlone: string; readonly queued: string };
}

/** Copies the previous version's data folder, with its database if that is a file. */
export function copyDataDir(kind: 'sqlite' | 'mongodb', target: string): void {
  const isData = (path: string) => !/\.json$/.test(path) || path.includes('/runs/');
  cpSync(join(FIXTURE, kind), target, { recursive: true, filter: isData });
}

/** Writes the previous version's documents into an empty database. */
export async function copyDocuments(uri: string): Promise<void> {
  const text = readFileSync(join(FIXTURE, 'mongodb/documents.json'), 'utf8');
  const collections = BSON.EJSON.parse(text, { relaxed: false }) as Record<string, Document[]>;
  const client = new MongoClient(uri);
  try {
    for (const [name, documents] of Object.entries(collections))
      if (documents.length > 0) await client.db().collection(name).insertMany(documents);
  } finally {
    await client.close();
  }
}

/** What this version must read from it. */
export function readExpected(kind: 'sqlite' | 'mongodb'): Expected {
  const { schedules, ...others } = JSON.parse(readFileSync(join(FIXTURE, kind, 'expected.json'), 'utf8'));
  return { ...others, schedules: mapValues(schedules, fromEarlierSchedule) };
}

/** The policy was one field of a schedule, and an instant was due at its nominal time. */
function fromEarlierSchedule({ overlap, ...schedule }: Readonly<Record<string, unknown>>): object {
  return { ...schedule, policy: { ...DEFAULT_POLICY, overlap }, dueAt: schedule.nextRunAt };
}

function mapValues<T, U>(object: Readonly<Record<string, T>>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]));
}
