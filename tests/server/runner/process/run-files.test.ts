import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { RunFile } from '../../../../server/runner/runner.ts';
import { known, makeRunner, outputOf, request } from '../../../support/make-runner.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const SECRET: RunFile = { name: 'secret', mode: 0o600, content: 'hush', option: '--private-key=' };
const SCRIPT: RunFile = {
  name: 'vault-password.sh',
  mode: 0o700,
  content: '#!/bin/sh\necho pass\n',
  option: '--vault-password-file=',
};
const UNNAMED: RunFile = { name: 'kube.config', mode: 0o600, content: 'cluster', option: null };
const FILES = [SECRET, SCRIPT, UNNAMED];

/** Says what it was given, and waits until it is told to end. */
const SAYS = `for word; do
  case $word in
    --private-key=*) echo "key $(cat "\${word#*=}") $(stat -c %a "\${word#*=}")" ;;
    --vault-password-file=*) echo "vault $("\${word#*=}")" ;;
    *kube*) echo "$word" ;;
  esac
done
echo ready
while [ ! -e "$0.end" ]; do sleep 0.02; done`;

async function startWithFiles() {
  const made = await makeRunner(SAYS);
  const id = randomUUID();
  const file = (name: string) => made.spool(id, name);
  const start = () => made.runner.start({ ...request(made.runner, id), files: FILES });
  const untilReady = () => waitUntil(() => readFileSync(file('output.log'), 'utf8').includes('ready'));
  return { ...made, id, file, start, untilReady, letEnd: () => writeFileSync(`${made.program}.end`, '') };
}

it.each([true, false])(
  'a run finds its files with their modes until it has ended (armed: %s)',
  async (isArmed) => {
    const { runner, id, file, start, untilReady, letEnd } = await startWithFiles();
    if (isArmed) runner.arm({ ...request(runner, id), files: FILES });
    const running = start();
    await untilReady();
    expect(FILES.map(({ name }) => existsSync(file(name)))).toEqual([true, true, true]);
    letEnd();

    expect(await running.exit).toMatchObject({ exitCode: 0 });
    expect(await outputOf(running)).toBe('key hush 600\nvault pass\nready\n');
    expect(FILES.map(({ name }) => existsSync(file(name)))).toEqual([false, false, false]);
  },
);

it('the files of a run are removed at its end by a server that was started meanwhile', async () => {
  const { runner, restart, id, file, start, untilReady, letEnd } = await startWithFiles();
  start();
  await untilReady();
  await runner.close();
  const taken = await restart().reattach(known(id));
  expect(existsSync(file('secret'))).toBe(true);
  letEnd();

  if (taken.kind !== 'attached') throw new Error(taken.kind);
  expect(await taken.process.exit).toMatchObject({ exitCode: 0 });
  expect(FILES.map(({ name }) => existsSync(file(name)))).toEqual([false, false, false]);
  expect(existsSync(file('status'))).toBe(true);
});

it('extra variables that an earlier version gave to a run are removed at its end', async () => {
  const { runner, restart, id, file, start, untilReady, letEnd } = await startWithFiles();
  start();
  await untilReady();
  await runner.close();
  writeFileSync(file('request.json'), '{"startedAt":"2026-11-23T12:00:00.000Z","timeoutMs":null}\n');
  writeFileSync(file('extra-vars.yml'), 'a: 1\n');
  const taken = await restart().reattach(known(id));
  letEnd();

  if (taken.kind === 'attached') await taken.process.exit;
  expect(existsSync(file('extra-vars.yml'))).toBe(false);
});

it.each([
  '{"files":["../secret","status","pid","a/b","",7,null]}\n',
  '{"files":{"length":1,"0":"status"}}\n',
  '{"files":',
  'null\n',
])('a request that a playbook has changed to %s removes nothing else', async (changed) => {
  const { runner, restart, id, file, start, untilReady, letEnd, spool } = await startWithFiles();
  start();
  await untilReady();
  await runner.close();
  writeFileSync(spool('', 'secret'), 'theirs');
  writeFileSync(file('request.json'), changed);
  const taken = await restart().reattach(known(id));
  letEnd();

  if (taken.kind !== 'attached') throw new Error(taken.kind);
  expect(await taken.process.exit).toMatchObject({ exitCode: 0 });
  expect(readFileSync(spool('', 'secret'), 'utf8')).toBe('theirs');
  expect(existsSync(file('status')) && existsSync(file('pid'))).toBe(true);
});

it.each(['status', 'output.log', 'events.jsonl', 'request.json', '../up', 'a/b', '', '.', '..', 'x\n'])(
  'a file named %j is refused, and nothing is started',
  async (name) => {
    const { runner } = await makeRunner();
    expect(() => runner.start({ ...request(runner, 'r'), files: [{ ...SECRET, name }] })).toThrow(
      /no file can be named/,
    );
  },
);
