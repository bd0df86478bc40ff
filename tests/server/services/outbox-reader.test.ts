import { expect, it } from 'vitest';
import { createOutboxReader } from '../../../server/services/outbox-reader.ts';
import { makeEnd, makeRun } from '../../support/make.ts';
import { openTempStorage } from '../../support/temp-storage.ts';

const LEASE_MS = 60_000;
const later = (ms: number) => new Date(Date.now() + 1_000 + ms);

it('hands every fact on once, but none that another node holds', async () => {
  const { outbox, runs } = await openTempStorage();
  for (let i = 0; i < 250; i += 1) await runs.insert(makeRun(makeEnd()));
  const held = await outbox.claim('another-node', 3, later(LEASE_MS), later(0));
  const handled: string[] = [];
  const reader = createOutboxReader({
    outbox,
    workerId: 'this-node',
    leaseMs: LEASE_MS,
    handle: async (rows) => void handled.push(...rows.map(({ id }) => id)),
    now: () => later(0),
  });

  await reader.read();
  await reader.read();

  const left = await outbox.claim('test', 1_000, later(3 * LEASE_MS), later(2 * LEASE_MS));
  expect(new Set(handled).size).toBe(247);
  expect(handled).toHaveLength(247);
  expect(left.map(({ id }) => id)).toEqual(held.map(({ id }) => id));
});
