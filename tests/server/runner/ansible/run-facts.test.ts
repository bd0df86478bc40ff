import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { reasonOf } from '../../../../server/runner/ansible/exit-reason.ts';
import { NO_FACTS, readRunFacts } from '../../../../server/runner/ansible/run-facts.ts';
import { createSpools } from '../../../../server/runner/process/spool.ts';
import { COUNTS, failed } from '../../../support/run-counts.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

async function makeSpool() {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const spools = createSpools(folder.path);
  onTestFinished(() => spools.close());
  const spool = spools.of('run');
  // as after a restart: what is there was made by somebody
  mkdirSync(spool.path);
  return spool;
}

it('what the plugin wrote is read as it wrote it, and the log without colours', async () => {
  const spool = await makeSpool();
  writeFileSync(
    spool.eventsPath,
    `{"kind": "begin"}\n{"kind": "play"}\n{"kind": "prompt", "name": "colour"}\n${JSON.stringify({ kind: 'end', ...COUNTS, failed: 1, causes: [failed('m', 'a')] })}\n`,
  );
  writeFileSync(spool.outputPath, `${'x'.repeat(100_000)}\n\u001b[0;31mERROR! a\u001b[0m\n`);
  const facts = readRunFacts(spool);
  expect(facts).toMatchObject({
    isTold: true,
    hasBegun: true,
    prompt: 'colour',
    end: { failed: 1, causes: [failed('m', 'a')] },
  });
  expect(facts.logTail.endsWith('x\nERROR! a\n')).toBe(true);
  expect(facts.logTail.length).toBeLessThan(33_000);
});

it.each<[string, (path: string) => void]>([
  ['nothing', () => undefined],
  ['a folder', (path) => mkdirSync(path)],
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a link to a file', (path) => symlinkSync('/etc/passwd', path)],
  ['a device', (path) => symlinkSync('/dev/zero', path)],
])('%s in its place is taken for nothing', async (_name, make) => {
  const spool = await makeSpool();
  make(spool.eventsPath);
  make(spool.outputPath);
  expect(readRunFacts(spool)).toEqual(NO_FACTS);
});

it('what is told is not followed into a folder that has taken the place of the one that was made', async () => {
  const spool = await makeSpool();
  spool.create();
  renameSync(spool.path, `${spool.path}-away`);
  mkdirSync(spool.path);
  writeFileSync(spool.eventsPath, '{"kind": "begin"}\n');
  writeFileSync(spool.outputPath, 'ERROR! forged\n');
  writeFileSync(join(`${spool.path}-away`, 'output.log'), 'true\n');
  expect(readRunFacts(spool)).toEqual({ ...NO_FACTS, logTail: 'true\n' });
});

it('what is forged is never more than words', async () => {
  const spool = await makeSpool();
  for (const forged of [
    'null\n[]\n1\n',
    '['.repeat(500_000),
    `${'{}\n'.repeat(200_000)}`,
    '{"kind":"end","plays":-1,"unmatched":1e999,"failed":"x","causes":{"a":1}}\n',
    '{"kind":"end","failed":1,"unreachable":1,"causes":[null,1,{"hosts":[{}],"message":{}},{"status":"unreachable","count":1e9,"hosts":[1]}]}\n',
    `{"kind":"end","failed":9,"causes":${JSON.stringify(Array.from({ length: 1_000 }, () => failed('x'.repeat(50), 'a', 'b', 'c')))}}\n`,
    readFileSync('/usr/bin/env'),
  ]) {
    writeFileSync(spool.eventsPath, forged);
    const facts = readRunFacts(spool);
    for (const code of [0, 1, 2, 4, 250]) expect((reasonOf(code, facts) ?? '').length).toBeLessThan(500);
  }
});
