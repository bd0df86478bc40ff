import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createPlaybookWatch } from '../../../../server/services/playbooks/playbook-watch.ts';
import type { Storage } from '../../../../server/storage/storage.ts';
import { makeSchedule } from '../../../support/make.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';
import { waitUntil } from '../../../support/wait-until.ts';

/** Counts its looks. */
function makeWatch({ schedules, changes }: Storage, root: string) {
  let looks = 0;
  const watch = createPlaybookWatch({
    storage: {
      changes,
      schedules: {
        listPlaybooks() {
          looks += 1;
          return schedules.listPlaybooks();
        },
        listByPlaybooks: (paths) => schedules.listByPlaybooks(paths),
      },
    },
    root,
    intervalMs: 5,
    onError: (error) => expect.unreachable(String(error)),
  });
  return { ...watch, looks: () => looks };
}

it('tells of the schedules of a playbook that somebody else removes, brings back or changes', async () => {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const storage = await openTempStorage();
  const at = (name: string) => join(folder.path, name);
  for (const name of ['a.yaml', 'b.yaml']) writeFileSync(at(name), '- hosts: all\n');
  const schedules = ['a.yaml', 'a.yaml', 'b.yaml'].map((playbook) => makeSchedule({ playbook }));
  for (const schedule of schedules) await storage.schedules.insert(schedule);
  const [first, second] = schedules.map(({ id }) => id);
  const told = new Set<string>();
  storage.changes.listen(({ id }) => void told.add(id));
  const watch = makeWatch(storage, folder.path);
  const stop = watch.start();
  onTestFinished(stop);
  await waitUntil(() => watch.looks() > 2);
  expect(told).toEqual(new Set());

  for (const change of [
    () => renameSync(at('a.yaml'), at('a.away')),
    () => renameSync(at('a.away'), at('a.yaml')),
    () => writeFileSync(at('a.yaml'), '- hosts: web\n'),
  ]) {
    told.clear();
    change();
    await waitUntil(() => told.size === 2);
    expect(told).toEqual(new Set([first, second]));
  }
});

it('looks as long as anybody asks', async () => {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const storage = await openTempStorage();
  const [watch, clock] = [makeWatch(storage, folder.path), makeWatch(storage, folder.path)];
  onTestFinished(clock.start());
  const stops = [watch.start(), watch.start()];

  stops[0]?.();
  stops[0]?.();
  const still = watch.looks();
  await waitUntil(() => watch.looks() > still + 1);
  stops[1]?.();
  const [last, then] = [watch.looks(), clock.looks()];
  await waitUntil(() => clock.looks() > then + 3);
  expect(watch.looks()).toBe(last);

  onTestFinished(watch.start());
  await waitUntil(() => watch.looks() > last + 1);
});
