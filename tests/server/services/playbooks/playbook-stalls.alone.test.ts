import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { PlaybookVerdict } from '../../../../server/domain/playbooks/playbook-check.ts';
import { TESTER } from '../../../support/actor.ts';
import { openPlaybooks } from '../../../support/playbooks.ts';
import { watchStalls } from '../../../support/stalls.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const LENGTH = 1_048_000;
const PLAYBOOK: PlaybookVerdict = {
  kind: 'playbook',
  isEmpty: false,
  prompts: [],
  imports: [],
  otherLine: null,
  otherPosition: null,
  playFault: null,
};

it.each([
  ['LF and one CR', `${'\n'.repeat(LENGTH)}\r`],
  ['CR', `\n${'\r'.repeat(LENGTH)}`],
])('saving over the longest text of mixed line endings never blocks: %s', async (_what, before) => {
  const { path, remove } = await makeTempDir();
  const playbooks = await openPlaybooks(path, { read: async () => PLAYBOOK });
  const edited = `x${'\n'.repeat(LENGTH - 1)}y`;
  const stalls: number[] = [];
  for (const name of ['a.yml', 'b.yml', 'c.yml']) {
    writeFileSync(join(path, name), before);
    const revision = (await playbooks.find(TESTER, name))?.revision ?? '';
    const stall = watchStalls();
    await playbooks.save(TESTER, name, edited, revision);
    stalls.push(stall.end());
    expect(readFileSync(join(path, name), 'utf8').replace(/\r\n?/g, '\n')).toBe(edited);
  }
  // the first may have been compiled in between
  expect(Math.min(...stalls)).toBeLessThan(50);
  await remove();
});
