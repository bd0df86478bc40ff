import { expect, it } from 'vitest';
import { changeOf } from '../../../../server/domain/runs/parameters/input.ts';
import type { Schedule } from '../../../../server/domain/schedules/schedule.ts';
import { createIdempotency } from '../../../../server/services/runs/idempotency.ts';
import type { CreateSchedule } from '../../../../server/services/schedules/schedule-input.ts';
import { createScheduleService } from '../../../../server/services/schedules/schedule-service.ts';
import type { Storage } from '../../../../server/storage/storage.ts';
import { NO_PARAMETERS, RUN_PARAMETER_NAMES } from '../../../../shared/run-parameters.ts';
import { TESTER } from '../../../support/actor.ts';
import { ALLOW, makePage, makeSchedule, minutesAfter, NOON } from '../../../support/make.ts';
import { OTHER_PARAMETERS } from '../../../support/other-parameters.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';
import { waitUntil } from '../../../support/wait-until.ts';

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
    logChange: () => undefined,
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
  const changed = await service.update(TESTER, id, change);
  expect(await ticks()).toEqual(PASSED);
  expect(changed.nextRunAt === null || changed.nextRunAt > minutesAfter(NOON, 12)).toBe(true);
});

it('they stay due when the change is not about time', async () => {
  const { service, id, ticks } = await makeLate();
  expect(await service.update(TESTER, id, { name: 'renamed' })).toMatchObject({ nextRunAt: NOON });
  expect(await ticks()).toEqual([]);
});

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
  const schedule = makeSchedule({ id: 'renamed', parameters: OTHER_PARAMETERS, policy: ALLOW, ...more });
  await storage.schedules.insert(schedule);
  const { version, updatedAt, ...others } = schedule;
  expect(await service.update(TESTER, 'renamed', { name: 'Other' })).toMatchObject({
    ...others,
    name: 'Other',
  });
  const { timing } = schedule;
  // what is said again is not changed
  const same =
    timing.kind === 'once'
      ? { at: timing.at }
      : timing.kind === 'cron'
        ? { cron: timing.expression }
        : { every: { seconds: timing.seconds } };
  expect(
    await service.update(TESTER, 'renamed', { timing: same, timezone: schedule.timezone }),
  ).toMatchObject({
    ...others,
    name: 'Other',
    version: version + 2,
  });
  expect(await service.update(TESTER, 'renamed', { name: null })).toMatchObject({
    ...others,
    name: schedule.playbook,
  });
});

it.each(RUN_PARAMETER_NAMES)('%s is changed and cleared for itself', async (name) => {
  const { service, storage } = await makeLate();
  await storage.schedules.insert(makeSchedule({ id: 'full', parameters: OTHER_PARAMETERS }));
  await storage.schedules.insert(makeSchedule({ id: 'empty' }));
  const cleared = await service.update(TESTER, 'full', { parameters: changeOf({ [name]: null }) });
  expect(cleared.parameters).toEqual({ ...OTHER_PARAMETERS, [name]: NO_PARAMETERS[name] });
  const set = await service.update(TESTER, 'empty', {
    parameters: changeOf({ [name]: OTHER_PARAMETERS[name] }),
  });
  expect(set.parameters).toEqual({ ...NO_PARAMETERS, [name]: OTHER_PARAMETERS[name] });
  expect(await storage.schedules.find('empty')).toEqual(set);
});

it.each([
  ['a line end', 'Night\nly', 5, 'U+000A'],
  ['an escape', 'Nightly\u001b[2J', 7, 'U+001B'],
  ['a bidi control', 'Night\u202ely', 5, 'U+202E'],
  ['a bidi isolate', 'Night\u2066ly', 5, 'U+2066'],
  ['no width', ' Nightly\u200b', 8, 'U+200B'],
  ['half a character', 'Night\ud800ly', 5, 'U+D800'],
])(
  'a name with %s is refused at its place, and one of any script is not',
  async (_, name, position, code) => {
    const { service, storage, id } = await makeLate();
    const refused = {
      code: 'INVALID_INPUT',
      issues: [{ path: ['name'], message: expect.stringContaining(code), position }],
    };
    await expect(service.create(TESTER, { ...ASKED, name })).rejects.toMatchObject(refused);
    await expect(service.update(TESTER, id, { name })).rejects.toMatchObject(refused);
    expect(await countOf(storage)).toBe(1);
    expect(await service.update(TESTER, id, { name: 'Ночью ⏰️ לילה' })).toMatchObject({
      name: 'Ночью ⏰️ לילה',
    });
  },
);

it('an interval that is changed keeps its anchor, unless that is given or cleared', async () => {
  const { service, storage } = await makeLate();
  await storage.schedules.insert(makeSchedule({ id: 'every', ...EVERY }));
  const anchorAfter = async (every: { seconds: number; anchor?: Date | null }) => {
    const { timing } = await service.update(TESTER, 'every', { timing: { every } });
    return timing.kind === 'interval' ? timing.anchor : null;
  };
  expect(await anchorAfter({ seconds: 60 })).toEqual(new Date('2020-01-01T10:00:07Z'));
  expect(await anchorAfter({ seconds: 60, anchor: new Date(5_000) })).toEqual(new Date(5_000));
  expect(await anchorAfter({ seconds: 60, anchor: null })).toEqual(minutesAfter(NOON, 12));
});

/** A service of another node on the same store. */
function makeNodeOn(storage: Storage, clock: { now: Date }) {
  return createScheduleService({
    storage,
    idempotency: createIdempotency({ keys: storage.keys, now: () => clock.now }),
    scheduler: { armTick: async () => undefined, disarmTick: async () => undefined },
    playbooks: { checkRunnable: async () => undefined },
    defaultTimezone: 'UTC',
    now: () => clock.now,
    onError: (error) => expect(error).toBeNull(),
    logChange: () => undefined,
  });
}
const ASKED: CreateSchedule = {
  playbook: 'a.yaml',
  timing: { cron: '0 3 * * *' },
  timezone: null,
  name: 'Nightly',
  enabled: true,
  policy: { overlap: 'skip' },
  parameters: OTHER_PARAMETERS,
};
const countOf = async (storage: Storage) =>
  (await storage.schedules.list({}, 'nextRun', makePage())).items.length;

it('the same key makes one schedule, with many at once and on two nodes', async () => {
  const storage = await openTempStorage();
  const clock = { now: NOON };
  const nodes = [makeNodeOn(storage, clock), makeNodeOn(storage, clock)];
  const made = await Promise.all(
    Array.from({ length: 10 }, (_, n) => nodes[n % 2]?.create(TESTER, ASKED, 'key')),
  );
  expect(new Set(made.map((schedule) => schedule?.id)).size).toBe(1);
  expect(await countOf(storage)).toBe(1);
  // without a key each makes its own
  await Promise.all([nodes[0]?.create(TESTER, ASKED), nodes[1]?.create(TESTER, ASKED)]);
  expect(await countOf(storage)).toBe(3);
});

it.each<[string, Partial<CreateSchedule>]>([
  ['another playbook', { playbook: 'b.yaml' }],
  ['another time', { timing: { cron: '0 4 * * *' } }],
  ['another name', { name: 'Daily' }],
  ['no name', { name: null }],
  ['another zone', { timezone: 'Asia/Tokyo' }],
  ['another policy', { policy: { overlap: 'allow' } }],
  ['none of its parameters', { parameters: null }],
  ['another parameter', { parameters: { ...OTHER_PARAMETERS, verbosity: 4 } }],
])('the same key with %s is refused and makes nothing', async (_, change) => {
  const storage = await openTempStorage();
  const node = makeNodeOn(storage, { now: NOON });
  await node.create(TESTER, ASKED, 'key');
  await expect(node.create(TESTER, { ...ASKED, ...change }, 'key')).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringMatching(/used for another request within 24 h/),
  });
  expect(await countOf(storage)).toBe(1);
});

it('of two requests with the same key at once, on two nodes, the second one is refused', async () => {
  const storage = await openTempStorage();
  const [one, two] = [makeNodeOn(storage, { now: NOON }), makeNodeOn(storage, { now: NOON })];
  const made = await Promise.allSettled([
    one.create(TESTER, ASKED, 'key'),
    two.create(TESTER, { ...ASKED, name: 'Daily' }, 'key'),
  ]);
  expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(await countOf(storage)).toBe(1);
});

it('a key gives its schedule as it is now, for 24 h, and then makes another one', async () => {
  const storage = await openTempStorage();
  const clock = { now: NOON };
  const node = makeNodeOn(storage, clock);
  const { id } = await node.create(TESTER, ASKED, 'key');
  await node.update(TESTER, id, { name: 'Renamed' });
  clock.now = new Date(NOON.getTime() + 24 * 3_600_000);
  expect(await node.create(TESTER, ASKED, 'key')).toMatchObject({ id, name: 'Renamed' });
  clock.now = new Date(clock.now.getTime() + 1);
  const later = await node.create(TESTER, ASKED, 'key');
  expect(later.id).not.toBe(id);
  // the new one holds for 24 h of its own
  clock.now = new Date(clock.now.getTime() + 24 * 3_600_000 - 1);
  expect((await node.create(TESTER, ASKED, 'key')).id).toBe(later.id);
  expect(await countOf(storage)).toBe(2);
});

it('the sweep forgets a key after 24 h and not before', async () => {
  const storage = await openTempStorage();
  const clock = { now: NOON };
  const idempotency = createIdempotency({ keys: storage.keys, now: () => clock.now });
  await makeNodeOn(storage, clock).create(TESTER, ASKED, 'key');
  clock.now = new Date(NOON.getTime() + 24 * 3_600_000);
  await idempotency.forgetOld();
  expect(await storage.keys.find('key')).not.toBeNull();
  clock.now = new Date(clock.now.getTime() + 1);
  await idempotency.forgetOld();
  expect(await storage.keys.find('key')).toBeNull();
});

it('a key of a schedule that was deleted does not make it again', async () => {
  const storage = await openTempStorage();
  const node = makeNodeOn(storage, { now: NOON });
  const { id } = await node.create(TESTER, ASKED, 'key');
  await node.delete(TESTER, id);
  await expect(node.create(TESTER, ASKED, 'key')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await countOf(storage)).toBe(0);
});

it('whoever watches a schedule is told at once of what becomes of its playbook', async () => {
  const { service, storage, id } = await makeLate();
  const another = makeSchedule({ playbook: 'another.yaml' });
  await storage.schedules.insert(another);
  const told: string[] = [];
  storage.changes.listen((change) => void told.push(change.id));
  await service.announcePlaybook(TESTER, 'update.yaml');
  await waitUntil(() => told.length > 0);
  expect(told).toEqual([id]);
});
