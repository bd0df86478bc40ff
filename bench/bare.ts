import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { makeTempDir } from '../tests/support/temp-dir.ts';
import { type StorageName, storageChoice } from './setting.ts';

/** A server of a few lines that does the same without Sible: the limit that a figure is measured beside. */
export interface BareServer {
  readonly url: string;
  readonly pid: number;
  /** From the spawn until it said where it listens, in ms. */
  readonly startMs: number;
}

const SCRIPT = new URL('./bare-server.mjs', import.meta.url).pathname;

export async function withBareServer<T>(
  kind: string,
  place: string,
  work: (server: BareServer) => Promise<T>,
): Promise<T> {
  const begun = performance.now();
  const child = spawn(process.execPath, [SCRIPT, kind, place], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = await once(child.stdout, 'data');
  try {
    const url = `http://127.0.0.1:${String(port).trim()}`;
    return await work({ url, pid: child.pid ?? 0, startMs: performance.now() - begun });
  } finally {
    child.stdin.end();
    await once(child, 'exit');
  }
}

/** The same on a database of its own. */
export async function withBareStorage<T>(
  storage: StorageName,
  work: (server: BareServer) => Promise<T>,
): Promise<T> {
  const folder = await makeTempDir();
  const choice = storageChoice(storage);
  try {
    return await withBareServer(storage, choice.env.MONGODB_URI ?? join(folder.path, 'bare.sqlite'), work);
  } finally {
    await choice.drop();
    await folder.remove();
  }
}
