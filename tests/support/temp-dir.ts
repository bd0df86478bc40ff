import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An empty folder of its own; whoever asks for it removes it. */
export async function makeTempDir(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'sible-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
