// Smoke test of the built server on other Nodes than the one that the suite runs on: the one of the image, and the newest.
// Both come from the package registry. Starts the server, has a schedule fire, tails its run, and stops the server.
//   node scripts/smoke.mjs           on the Node of the Dockerfile and on the newest
//   node scripts/smoke.mjs PROGRAM   on this node
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ANSIBLE = fileURLToPath(new URL('../tests/fixtures/bin/scripted-playbook', import.meta.url));
const WITHIN_MS = 30_000;
const folder = mkdtempSync(join(tmpdir(), 'sible-smoke-'));

try {
  const [, , given] = process.argv;
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

async function smoke(program, dataDir) {
  // start.sh runs the "node" of its PATH, and so must the program that stands for ansible-playbook
  const bin = join(dataDir, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(program, join(bin, 'node'));
  mkdirSync(join(dataDir, 'playbooks'));
  writeFileSync(
    join(dataDir, 'playbooks', 'hello.yaml'),
    '# print hello\n# lines 3 20\n- hosts: localhost\n',
  );
  const server = spawn('sh', [join(ROOT, 'dist/server/start.sh')], {
    cwd: ROOT,
    env: {
      PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}`,
      HOME: dataDir,
      SIBLE_DATA_DIR: dataDir,
      SIBLE_PORT: '0',
      SIBLE_OPEN: '1',
      SIBLE_ANSIBLE_PLAYBOOK: ANSIBLE,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(server, 'exit');
  let output = '';
  for (const stream of [server.stdout, server.stderr])
    stream.on('data', (chunk) => {
      output += chunk;
    });
  try {
    const url = await until('it listens', () => /running: (http:\S+)\n/.exec(output)?.[1]);
    const ask = async (query, variables = {}) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = await response.json();
      if (errors) throw new Error(JSON.stringify(errors));
      return data;
    };
    const { createSchedule } = await ask(
      `mutation ($at: DateTime!) { createSchedule(input: { playbook: "hello.yaml", timing: { at: $at } }) {
        ... on CreateSchedulePayload { schedule { id } } ... on Error { message } } }`,
      { at: new Date(Date.now() + 3_000).toISOString() },
    );
    const scheduleId = createSchedule.schedule?.id;
    if (!scheduleId) throw new Error(createSchedule.message);
    const run = await until('the schedule fires', async () => {
      const { runs } = await ask(
        'query ($id: ID!) { runs(filter: { scheduleId: $id }) { edges { node { id } } } }',
        {
          id: scheduleId,
        },
      );
      return runs.edges.at(-1)?.node;
    });
    const tail = await fetch(`${url}/runs/${encodeURIComponent(run.id)}/log?follow`);
    expectEqual('the log', await tail.text(), 'hello\nline 1 of 3\nline 2 of 3\nline 3 of 3\n');
    const end = await until('the run ends', async () => {
      const { node } = await ask('query ($id: ID!) { node(id: $id) { ... on Run { status exitCode } } }', {
        id: run.id,
      });
      return node.status === 'RUNNING' ? null : node;
    });
    expectEqual('the end', JSON.stringify(end), '{"status":"SUCCEEDED","exitCode":0}');
    server.kill('SIGTERM');
    const [code] = await exited;
    expectEqual('the exit code', code, 0);
  } catch (error) {
    process.stderr.write(output);
    throw error;
  } finally {
    server.kill('SIGKILL');
  }
}

/** The first value of `look` that is one. */
async function until(what, look) {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`Not within ${WITHIN_MS} ms: ${what}.`);
    await delay(50);
  }
}

function expectEqual(what, is, expected) {
  if (is !== expected)
    throw new Error(`${what} is ${JSON.stringify(is)}; expected ${JSON.stringify(expected)}.`);
}
