import { randomUUID } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createSpoolCleaning } from '../../../../server/services/runs/spool-cleaning.ts';
import { makeEnd, makeRun } from '../../../support/make.ts';
import { makeRunner, request } from '../../../support/make-runner.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';
import { waitUntil } from '../../../support/wait-until.ts';

it('removes a spool folder of no run, or of one that has ended, at the second look', async () => {
  const { runs } = await openTempStorage();
  const { runner, spool, program } = await makeRunner('until [ -e "$0.go" ]; do sleep 0.01; done');
  const taken = new Set<string>();
  const cleaning = createSpoolCleaning({ runs, runner, isTaken: (id) => taken.has(id), everyMs: 0 });
  const made = async (more: Parameters<typeof makeRun>[0] | null) => {
    const run = makeRun({ id: randomUUID(), ...more });
    if (more) await runs.insert(run);
    runner.prepare(run.id);
    return run.id;
  };
  const orphaned = [await made(null), await made(makeEnd())];
  const held = await made(makeEnd());
  taken.add(held);
  const kept = [
    held,
    await made({ status: 'queued' }),
    await made({ status: 'running', workerId: 'one', leaseUntil: new Date() }),
    await made(makeEnd({ status: 'lost' })),
  ];
  // nobody knows it, and it is alive
  const alive = randomUUID();
  const running = runner.start(request(runner, alive));
  await waitUntil(() => existsSync(spool(alive, 'started')));
  const exists = (id: string) => existsSync(spool(id, ''));

  await cleaning.look();
  expect([...orphaned, ...kept].every(exists)).toBe(true);
  const late = await made(null);
  await cleaning.look();
  expect(orphaned.filter(exists)).toEqual([]);
  expect([...kept, late, alive].every(exists)).toBe(true);
  writeFileSync(`${program}.go`, '');
  await running.exit;
  await cleaning.look();
  expect([late, alive].filter(exists)).toEqual([]);
  expect(kept.every(exists)).toBe(true);
});

it('a folder that cannot be removed keeps no other', async () => {
  const { runs } = await openTempStorage();
  const left = new Set(['1-cannot', '2', '3']);
  const cleaning = createSpoolCleaning({
    runs,
    runner: {
      listSpooled: async () => [...left],
      isSupervised: async () => false,
      async discard(id) {
        if (id === '1-cannot') throw new Error('something is mounted in it');
        left.delete(id);
      },
    },
    isTaken: () => false,
    everyMs: 0,
  });
  await cleaning.look();
  await expect(cleaning.look()).rejects.toThrow('something is mounted in it');
  expect([...left]).toEqual(['1-cannot']);
  await expect(cleaning.look()).rejects.toThrow('something is mounted in it');
});
