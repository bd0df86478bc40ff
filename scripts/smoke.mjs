// Smoke test of the built server on other Nodes than the one that the suite runs on: the one of the image, and the newest.
// Both come from the package registry. Starts the server, has a schedule fire, tails its run, and stops the server.
//   node --import tsx scripts/smoke.mjs           on the Node of the Dockerfile and on the newest
//   node --import tsx scripts/smoke.mjs PROGRAM   on this node
import { deepEqual, equal } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TIMINGS } from '../server/timings.ts';
import buildServer from '../tests/support/build-server.ts';
import { createSchedule, listRuns, waitForEnd } from '../tests/support/operations.ts';
import { SQLITE } from '../tests/support/storages.ts';
import { waitUntil } from '../tests/support/wait-until.ts';
import { withServer } from '../tests/support/with-server.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sible-smoke-'));

try {
  const [, , given] = process.argv;
  await buildServer();
  const programs = given ? [given] : await installNodes();
  for (const program of programs) {
    const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
    const begun = performance.now();
    await smoke(program, join(folder, version));
    process.stdout.write(
      `smoke test on Node ${version}: passed in ${Math.round(performance.now() - begun)} ms\n`,
    );
  }
} catch (error) {
  process.stderr.write(`smoke test: failed\n${error?.stack ?? error}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The newest of the line that the image is built on, and the newest of all. */
async function installNodes() {
  const line = /^FROM node:(\d+)/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))[1];
  const platform = `node-${process.platform}-${process.arch}`;
  const names = ['of-the-image', 'newest'];
  const wanted = [`of-the-image@npm:${platform}@${line}`, `newest@npm:${platform}@latest`];
  execFileSync(
    'npm',
    ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...wanted],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  return names.map((name) => join(folder, 'node_modules', name, 'bin', 'node'));
}

/** @param bin a new folder: start.sh runs the "node" of its PATH */
async function smoke(program, bin) {
  mkdirSync(bin, { recursive: true });
  symlinkSync(program, join(bin, 'node'));
  await withServer(
    {
      storage: SQLITE,
      ansible: 'scripted',
      // with these it starts as users start it
      timings: TIMINGS,
      env: { PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}` },
      playbooks: { 'hello.yaml': '# print hello\n# lines 3 20\n- hosts: localhost\n' },
    },
    async ({ api, server }) => {
      const at = new Date(Date.now() + 3_000).toISOString();
      const id = await createSchedule(api, 'hello.yaml', { at });
      const run = await waitUntil(async () => (await listRuns(api, id)).at(-1), { withinMs: 30_000 });
      const tail = await fetch(`${server.url}/runs/${encodeURIComponent(run.id)}/log?follow`);
      equal(await tail.text(), 'hello\nline 1 of 3\nline 2 of 3\nline 3 of 3\n');
      const { status, exitCode } = await waitForEnd(() => api, run.id);
      deepEqual({ status, exitCode }, { status: 'SUCCEEDED', exitCode: 0 });
      equal(await server.stop(), 0);
    },
  );
}
