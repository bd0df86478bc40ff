import { expect } from 'vitest';
import type { Schedule } from '../../server/domain/schedules/schedule.ts';
import {
  ALLOW,
  fireOne,
  makeFiring,
  makePage,
  makeRun,
  makeSchedule,
  minutesAfter,
  NOON,
  summaryOf,
} from '../support/make.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

/** Single schedules: storing, compare-and-set, removing. */
export function describeScheduleStore(open: OpenStorage): void {
  const test = storageTest(open);

  test('gives back every field as it was stored', async ({ schedules }) => {
    const parameters = {
      inventories: ['inventories/home', 'web1,web2,'],
      limit: 'web:!db',
      tags: ['a', 'b'],
      skipTags: ['slow'],
      extraVarsJson: '{"a.b":9007199254740993,"$set":{"ü.$x":[null, true, 1.50, "é\\u0000😀"]},"":{}}',
      extraVarsFiles: ['vars/ü.yaml'],
      check: true,
      diff: true,
      verbosity: 4,
      forks: 12,
      become: true,
      becomeUser: 'postgres',
      remoteUser: 'deploy',
      connection: 'community.docker.docker',
      privateKeyFile: '~/.ssh/key',
      timeoutSeconds: 60,
      workingFolder: '',
    };
    const stored: Schedule[] = [
      makeSchedule({ parameters, policy: ALLOW, version: 7, problem: 'It is broken.' }),
      makeSchedule({ timing: { kind: 'once', at: new Date('2027-01-01T00:00:00.123Z') }, enabled: false }),
      makeSchedule({ timing: { kind: 'interval', seconds: 90, anchor: new Date(1) }, nextRunAt: null }),
      makeSchedule({
        createdAt: new Date('2026-11-20T08:00:00.999Z'),
        updatedAt: new Date('9999-12-31T23:59:59.999Z'),
      }),
    ];

    for (const schedule of stored) await schedules.insert(schedule);

    expect(await schedules.findMany(stored.map(({ id }) => id))).toEqual(stored);
  });

  test('keeps any Unicode text, and unpaired surrogates as U+FFFD', async ({ schedules, runs }) => {
    const schedule = makeSchedule({
      name: 'Text, \u0001\u0002, ẞ 日本 😀 \u202e \ud83d!',
      problem: '\u0002\ud800\u0002',
      playbook: 'a\u0002b/\udc00.yaml',
    });
    const run = makeRun({ playbook: 'x\u0002y.yaml', status: 'failed', reason: 'because\u0002\udfff' });

    await schedules.insert(schedule);
    await runs.insert(run);

    expect(await schedules.find(schedule.id)).toEqual({
      ...schedule,
      name: 'Text, \u0001\u0002, ẞ 日本 😀 \u202e \ufffd!',
      problem: '\u0002\ufffd\u0002',
      playbook: 'a\u0002b/\ufffd.yaml',
    });
    expect(await runs.find(run.id)).toEqual({ ...run, reason: 'because\u0002\ufffd' });
    expect(await schedules.count({ playbook: 'a\u0002b/\ufffd.yaml' })).toBe(1);
    expect(await schedules.count({ playbook: 'a' })).toBe(0);
    expect(await schedules.count({ search: 't, \u0001' })).toBe(1);
    expect(await runs.count({ playbook: 'x\u0002y.yaml' })).toBe(1);
    expect([...(await schedules.listByPlaybooks(['a\u0002b/\ufffd.yaml'])).values()]).toHaveLength(1);
  });

  test('keeps a text of 1 MB', async ({ schedules }) => {
    const long = 'äöü€😀 line\n'.repeat(60_000);
    const schedule = makeSchedule({
      problem: long,
      parameters: { ...makeSchedule().parameters, extraVarsJson: JSON.stringify({ long }) },
    });

    await schedules.insert(schedule);

    expect(await schedules.find(schedule.id)).toEqual(schedule);
  });

  test('refuses an id that is taken and leaves what is there', async ({ schedules }) => {
    const schedule = makeSchedule();
    await schedules.insert(schedule);

    await expect(schedules.insert({ ...schedule, name: 'Another' })).rejects.toThrow();

    expect(await schedules.find(schedule.id)).toEqual(schedule);
    expect(await schedules.count({})).toBe(1);
  });

  test('finds several in the order asked for, null where there is none', async ({ schedules }) => {
    const [a, b] = [makeSchedule(), makeSchedule()];
    await schedules.insert(a);
    await schedules.insert(b);

    expect(await schedules.findMany([b.id, 'none', a.id, b.id])).toEqual([b, null, a, b]);
    expect(await schedules.findMany([])).toEqual([]);
    expect(await schedules.find('none')).toBeNull();
  });

  test('replaces the version that was expected and no other', async ({ schedules }) => {
    const schedule = makeSchedule({ version: 3 });
    await schedules.insert(schedule);
    const edited: Schedule = {
      ...schedule,
      name: 'Edited',
      playbook: 'other.yaml',
      timing: { kind: 'once', at: minutesAfter(NOON, 60) },
      nextRunAt: minutesAfter(NOON, 60),
      enabled: false,
      problem: 'Something.',
      version: 4,
    };

    expect(await schedules.replace(edited, 2)).toBe(false);
    expect(await schedules.find(schedule.id)).toEqual(schedule);
    expect(await schedules.replace(edited, 3)).toBe(true);
    expect(await schedules.replace(edited, 3)).toBe(false);
    expect(await schedules.find(schedule.id)).toEqual(edited);
  });

  test('does not make a schedule by replacing', async ({ schedules }) => {
    expect(await schedules.replace(makeSchedule(), 1)).toBe(false);
    expect(await schedules.count({})).toBe(0);
  });

  test('lets one of many edits of one version win', async ({ schedules }) => {
    const schedule = makeSchedule();
    await schedules.insert(schedule);
    const edits = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ ...schedule, name, version: 2 }));

    const results = await Promise.all(edits.map((edit) => schedules.replace(edit, 1)));

    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await schedules.find(schedule.id)).toEqual(edits[results.indexOf(true)]);
  });

  test('gives back what it removed, to one of those who remove it', async ({ schedules }) => {
    const [schedule, other] = [makeSchedule(), makeSchedule()];
    await schedules.insert(schedule);
    await schedules.insert(other);

    const results = await Promise.all([schedules.delete(schedule.id), schedules.delete(schedule.id)]);

    expect(results.filter((removed) => removed !== null)).toEqual([schedule]);
    expect(await schedules.find(schedule.id)).toBeNull();
    expect(await schedules.find(other.id)).toEqual(other);
    expect(await schedules.delete('none')).toBeNull();
  });

  test('keeps ticks and runs of a schedule that is removed', async ({ schedules, ticks, runs }) => {
    const schedule = makeSchedule();
    const firing = makeFiring(schedule);
    await schedules.insert(schedule);
    await fireOne(schedules, firing);

    await schedules.delete(schedule.id);

    expect((await ticks.list(schedule.id, makePage())).items.map(({ node }) => node)).toEqual(firing.ticks);
    expect((await runs.list({ scheduleId: schedule.id }, makePage())).items.map(({ node }) => node)).toEqual(
      firing.runs.map((run) => summaryOf(run)),
    );
  });

  test('sets a problem of the version that was looked at, and then waits for nothing', async ({
    schedules,
  }) => {
    const schedule = makeSchedule({ version: 2 });
    await schedules.insert(schedule);

    expect(await schedules.setProblem(schedule.id, 1, 'Old.')).toBe(false);
    expect(await schedules.setProblem('none', 2, 'Nothing.')).toBe(false);
    expect(await schedules.find(schedule.id)).toEqual(schedule);
    expect(await schedules.setProblem(schedule.id, 2, 'The zone is gone.')).toBe(true);

    const broken = { ...schedule, problem: 'The zone is gone.', nextRunAt: null, dueAt: null };
    expect(await schedules.find(schedule.id)).toEqual(broken);
    expect(await fireOne(schedules, makeFiring(schedule))).toBe(false);
    const last = await schedules.list({}, 'nextRun', makePage());
    expect(last.items.map(({ node }) => node)).toEqual([broken]);
  });

  test('clears a problem and leaves what it waits for', async ({ schedules }) => {
    const schedule = makeSchedule({ problem: 'It was broken.' });
    await schedules.insert(schedule);

    expect(await schedules.setProblem(schedule.id, 1, null)).toBe(true);

    expect(await schedules.find(schedule.id)).toEqual({ ...schedule, problem: null });
  });
}
