import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TIMINGS } from '../server/timings.ts';
import { makeMongoDatabase, mongoUri } from '../tests/support/mongo.ts';
import { SQLITE, type StorageChoice } from '../tests/support/storages.ts';
import { makeTempDir } from '../tests/support/temp-dir.ts';
import { type TestServer, withServer } from '../tests/support/with-server.ts';
import type { Measure } from './measure.ts';

export type StorageName = 'sqlite' | 'mongodb';

/** Runs the measure on SQLite, and on MongoDB where there is one. */
export async function onEachStorage(
  measure: (storage: StorageName) => Promise<Measure[]>,
): Promise<Measure[]> {
  const measures = await measure('sqlite');
  return mongoUri() === null ? measures : [...measures, ...(await measure('mongodb'))];
}

export function storageChoice(storage: StorageName): StorageChoice {
  if (storage === 'sqlite') return SQLITE;
  const database = makeMongoDatabase();
  return { env: { MONGODB_URI: database.uri }, drop: database.drop };
}

export interface BenchServer extends TestServer {
  /** Folder for what the measured programs write. */
  readonly folder: string;
}

export interface BenchServerOptions {
  readonly storage?: StorageName;
  /** Text of the program that stands for ansible-playbook; "real": Ansible. `$OUT` is a folder for its notes. */
  readonly program: string;
  readonly playbooks?: Record<string, string>;
  readonly env?: Record<string, string>;
}

export const ANY_PLAYBOOK = { 'a.yaml': '- hosts: localhost\n' };

/** What `npm start` runs, on an empty data folder. */
export async function withBuiltServer<T>(
  options: BenchServerOptions,
  work: (server: BenchServer, program: string) => Promise<T>,
): Promise<T> {
  const folder = await makeTempDir();
  try {
    const program = options.program === 'real' ? null : writeProgram(folder.path, 'program', options.program);
    let result: { value: T } | null = null;
    await withServer(
      {
        storage: storageChoice(options.storage ?? 'sqlite'),
        ansible: options.program === 'real' ? 'real' : 'scripted',
        playbooks: options.playbooks ?? ANY_PLAYBOOK,
        timings: TIMINGS,
        env: {
          NODE_ENV: 'production',
          ...(program === null ? {} : { SIBLE_ANSIBLE_PLAYBOOK: program }),
          ...options.env,
        },
      },
      async (server) => {
        // getters: the server may be started again
        const bench = Object.create(server, { folder: { value: folder.path } }) as BenchServer;
        result = { value: await work(bench, program ?? '') };
      },
    );
    if (result === null) throw new Error('The measure has no result.');
    return (result as { value: T }).value;
  } finally {
    await folder.remove();
  }
}

function writeProgram(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text.replaceAll('$OUT', folder));
  chmodSync(path, 0o755);
  return path;
}

/** A program in a folder of its own, for as long as `work` goes on. */
export async function withProgram<T>(text: string, work: (path: string) => Promise<T>): Promise<T> {
  const folder = await makeTempDir();
  try {
    return await work(writeProgram(folder.path, 'program', text));
  } finally {
    await folder.remove();
  }
}
