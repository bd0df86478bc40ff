import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = new URL('../..', import.meta.url).pathname;
const BUILT = join(ROOT, 'dist/server/main.js');

const shared = globalThis as { serverBuild?: Promise<unknown> };

/** For tests that start the server: what they run is what `npm start` runs, built anew when its sources have changed. */
export default async function buildServer(): Promise<void> {
  // one build for all projects of a run
  shared.serverBuild ??= isFresh() ? Promise.resolve() : build();
  await shared.serverBuild;
}

function isFresh(): boolean {
  const built = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newest = (folder: string): number =>
    Math.max(
      ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
      }),
    );
  const lockFile = statSync(join(ROOT, 'package-lock.json')).mtimeMs;
  return Math.max(newest(join(ROOT, 'server')), lockFile) < built;
}

async function build(): Promise<void> {
  await promisify(execFile)('npm', ['run', '--silent', 'build:server'], { cwd: ROOT });
}
