import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TESTER } from '../tests/support/actor.ts';
import { findAnsible } from '../tests/support/ansible.ts';
import { openPlaybooks } from '../tests/support/playbooks.ts';
import { withReaderOf } from '../tests/support/reader.ts';
import { watchStalls } from '../tests/support/stalls.ts';
import { makeTempDir } from '../tests/support/temp-dir.ts';
import { type Measure, median } from './measure.ts';

const FILES = 10_000;
const FOLDERS = 100;
const AGAIN = 7;

/** The list of many playbooks: made for the first time, and again; and how long the event loop stands still meanwhile. */
export async function playbookList(): Promise<Measure[]> {
  const folder = await makeTempDir();
  const measures: Measure[] = [];
  try {
    for (let n = 0; n < FILES; n += 1) {
      const path = join(folder.path, `site-${n % FOLDERS}`);
      if (n < FOLDERS) mkdirSync(path);
      writeFileSync(join(path, `playbook-${n}.yml`), `- hosts: all\n  vars: { n: ${n} }\n  tasks: []\n`);
    }
    await withReaderOf(findAnsible(), async (reader) => {
      const playbooks = await openPlaybooks(folder.path, reader);
      const stalls = watchStalls();
      const first = await timed(() => playbooks.list(TESTER));
      const stall = stalls.end();
      await playbooks.list(TESTER);
      const again: number[] = [];
      for (let n = 0; n < AGAIN; n += 1) again.push(await timed(() => playbooks.list(TESTER)));
      measures.push(
        {
          name: `list of ${FILES} playbooks, the second time`,
          storage: null,
          value: median(again),
          unit: 'ms p50',
          limit: await timed(async () => bareWalk(folder.path)),
          limitIs: 'a bare walk with stat',
          goal: '≤ 150 ms',
          isReached: median(again) <= 150,
          details: { first },
        },
        {
          name: `list of ${FILES} playbooks, longest stall of the loop`,
          storage: null,
          value: stall,
          unit: 'ms',
          limit: null,
          limitIs: null,
          goal: '≤ 50 ms',
          isReached: stall <= 50,
          details: {},
        },
      );
    });
  } finally {
    await folder.remove();
  }
  return measures;
}

function bareWalk(root: string): void {
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) statSync(join(root, name));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
