import { expect, it } from 'vitest';
import { createScheduleService } from '../../../server/services/schedule-service.ts';
import { makePage, makeSchedule, minutesAfter, NOON } from '../../support/make.ts';
import { openTempStorage } from '../../support/temp-storage.ts';

/** A schedule every five minutes that waits for noon, at twelve minutes past. */
async function makeLate() {
  const storage = await openTempStorage();
  const service = createScheduleService({
    storage,
    scheduler: { armTick: async () => undefined, disarmTick: async () => undefined },
    playbooks: { checkRunnable: async () => undefined },
    defaultTimezone: 'UTC',
    now: () => minutesAfter(NOON, 12),
    onError: (error) => expect(error).toBeNull(),
  });
  const schedule = makeSchedule();
  await storage.schedules.insert(schedule);
  const ticks = async () =>
    (await storage.ticks.list(schedule.id, makePage())).items
      .map(({ node }) => [node.scheduledFor.getTime(), node.outcome, node.reason])
      .reverse();
  return { service, storage, id: schedule.id, ticks };
}

const PASSED = [0, 5, 10].map((minutes) => [
  minutesAfter(NOON, minutes).getTime(),
  'missed',
  expect.stringMatching(/changed before it could be started|of several missed instants/),
]);

it.each([
  ['disabled', { enabled: false }],
  ['given another time', { timing: { cron: '0 3 * * *' } }],
  ['moved to another zone', { timezone: 'Asia/Tokyo' }],
])('instants that nobody handled are in the ledger when the schedule is %s', async (_, change) => {
  const { service, id, ticks } = await makeLate();
  const changed = await service.update(id, change);
  expect(await ticks()).toEqual(PASSED);
  expect(changed.nextRunAt === null || changed.nextRunAt > minutesAfter(NOON, 12)).toBe(true);
});

it('they stay due when the change is not about time', async () => {
  const { service, id, ticks } = await makeLate();
  expect(await service.update(id, { name: 'renamed' })).toMatchObject({ nextRunAt: NOON });
  expect(await ticks()).toEqual([]);
});
