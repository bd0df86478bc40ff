import { expect, it } from 'vitest';
import { changeOf } from '../../../server/domain/run-parameters/input.ts';
import type { Schedule } from '../../../server/domain/schedule.ts';
import { createIdempotency } from '../../../server/services/idempotency.ts';
import { createScheduleService } from '../../../server/services/schedule-service.ts';
import { NO_PARAMETERS, RUN_PARAMETER_NAMES, type RunParameters } from '../../../shared/run-parameters.ts';
import { makePage, makeSchedule, minutesAfter, NOON } from '../../support/make.ts';
import { openTempStorage } from '../../support/temp-storage.ts';

/** A schedule every five minutes that waits for noon, at twelve minutes past. */
async function makeLate() {
  const storage = await openTempStorage();
  const service = createScheduleService({
    storage,
    idempotency: createIdempotency({ keys: storage.keys, now: () => minutesAfter(NOON, 12) }),
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

/** For each parameter a value that is not what it is when it is not given. */
const OTHER: RunParameters = {
  inventories: ['inventory/prod', 'web1,web2,'],
  limit: 'web:&prod',
  tags: ['a b'],
  skipTags: ['slow'],
  extraVarsJson: '{"x": 9007199254740993}',
  extraVarsFiles: ['vars/a.yaml'],
  check: true,
  diff: true,
  become: true,
  becomeUser: 'postgres',
  remoteUser: 'deploy',
  connection: 'local',
  privateKeyFile: '~/.ssh/id',
  verbosity: 3,
  forks: 12,
  timeoutSeconds: 60,
  workingFolder: '',
};
const FIRED: Partial<Schedule> = {
  timing: { kind: 'once', at: new Date('2020-01-01T10:00:07.250Z') },
  nextRunAt: null,
};
const EVERY: Partial<Schedule> = {
  timing: { kind: 'interval', seconds: 90, anchor: new Date('2020-01-01T10:00:07Z') },
};

it.each([
  ['by cron', {}],
  ['once, and has fired', FIRED],
  ['at an interval', EVERY],
])('a schedule that runs %s is renamed and nothing else', async (_, more) => {
  const { service, storage } = await makeLate();
  const schedule = makeSchedule({ id: 'renamed', parameters: OTHER, overlap: 'allow', ...more });
  await storage.schedules.insert(schedule);
  const { version, updatedAt, ...others } = schedule;
  expect(await service.update('renamed', { name: 'Other' })).toMatchObject({ ...others, name: 'Other' });
  const { timing } = schedule;
  // what is said again is not changed
  const same =
    timing.kind === 'once'
      ? { at: timing.at }
      : timing.kind === 'cron'
        ? { cron: timing.expression }
        : { every: { seconds: timing.seconds } };
  expect(await service.update('renamed', { timing: same, timezone: schedule.timezone })).toMatchObject({
    ...others,
    name: 'Other',
    version: version + 2,
  });
  expect(await service.update('renamed', { name: null })).toMatchObject({
    ...others,
    name: schedule.playbook,
  });
});

it.each(RUN_PARAMETER_NAMES)('%s is changed and cleared for itself', async (name) => {
  const { service, storage } = await makeLate();
  await storage.schedules.insert(makeSchedule({ id: 'full', parameters: OTHER }));
  await storage.schedules.insert(makeSchedule({ id: 'empty' }));
  const cleared = await service.update('full', { parameters: changeOf({ [name]: null }) });
  expect(cleared.parameters).toEqual({ ...OTHER, [name]: NO_PARAMETERS[name] });
  const set = await service.update('empty', { parameters: changeOf({ [name]: OTHER[name] }) });
  expect(set.parameters).toEqual({ ...NO_PARAMETERS, [name]: OTHER[name] });
  expect(await storage.schedules.find('empty')).toEqual(set);
});

it('an interval that is changed keeps its anchor, unless that is given or cleared', async () => {
  const { service, storage } = await makeLate();
  await storage.schedules.insert(makeSchedule({ id: 'every', ...EVERY }));
  const anchorAfter = async (every: { seconds: number; anchor?: Date | null }) => {
    const { timing } = await service.update('every', { timing: { every } });
    return timing.kind === 'interval' ? timing.anchor : null;
  };
  expect(await anchorAfter({ seconds: 60 })).toEqual(new Date('2020-01-01T10:00:07Z'));
  expect(await anchorAfter({ seconds: 60, anchor: new Date(5_000) })).toEqual(new Date(5_000));
  expect(await anchorAfter({ seconds: 60, anchor: null })).toEqual(minutesAfter(NOON, 12));
});
