import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { PlaybookVerdict } from '../../../../server/domain/playbooks/playbook-check.ts';
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
  const file = join(path, 'a.yml');
  writeFileSync(file, before);
  const playbooks = await openPlaybooks(path, { read: async () => PLAYBOOK });
  const revision = (await playbooks.find('a.yml'))?.revision ?? '';
  const edited = `x${'\n'.repeat(LENGTH - 1)}y`;
  const stall = watchStalls();
  await playbooks.save('a.yml', edited, revision);
  expect(stall.end()).toBeLessThan(50);
  expect(readFileSync(file, 'utf8').replace(/\r\n?/g, '\n')).toBe(edited);
  await remove();
});
