import { expect, it } from 'vitest';
import { NotFoundError } from '../../../../server/domain/errors.ts';
import { NO_COUNTS } from '../../../../server/domain/results/result-event.ts';
import type { HostRecap } from '../../../../server/domain/results/task-rows.ts';
import type { Run } from '../../../../server/domain/runs/run.ts';
import { createIdempotency } from '../../../../server/services/runs/idempotency.ts';
import { createNewRuns } from '../../../../server/services/runs/new-runs.ts';
import type { Admission } from '../../../../server/services/runs/run-admission.ts';
import { createRunRepeat } from '../../../../server/services/runs/run-repeat.ts';
import { NO_PARAMETERS } from '../../../../shared/run-parameters.ts';
import { TESTER } from '../../../support/actor.ts';
import { ALLOW, makeRun, makeSchedule, minutesAfter, NOON } from '../../../support/make.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';

const row = (host: string, counts: Partial<HostRecap>): HostRecap => ({ host, ...NO_COUNTS, ...counts });
const RECAP = [
  row('ok', { ok: 3 }),
  row('failed', { ok: 1, failed: 1 }),
  row('away', { unreachable: 1 }),
  row('rescued', { ok: 2, rescued: 1, ignored: 1 }),
  row('both', { failed: 1, unreachable: 1 }),
];

async function makeRepeat() {
  const storage = await openTempStorage();
  const now = () => minutesAfter(NOON, 60);
  const results = { recap: RECAP as HostRecap[], problem: null as string | null };
  const playbook = { isThere: true };
  const logChange = () => undefined;
  const admit = async (run: Run): Promise<Admission> => ({
    run,
    begin: async () => undefined,
    drop: async () => undefined,
    reconcile: async () => undefined,
  });
  const repeat = createRunRepeat({
    storage,
    results: { recap: async () => results.recap, problem: async () => results.problem },
    playbooks: {
      checkRunnable: async (_actor, path) => {
        if (!playbook.isThere) throw new NotFoundError('playbook', path);
      },
    },
    idempotency: createIdempotency({ keys: storage.keys, now }),
    newRuns: createNewRuns({ storage, executor: { admit }, now, logChange }),
    now,
  });
  const insert = async (overrides: Partial<Run> = {}) => {
    const run = makeRun({ status: 'failed', exitCode: 2, finishedAt: NOON, ...overrides });
    await storage.runs.insert(run);
    return run;
  };
  const insertOfSchedule = async (policy = makeSchedule().policy) => {
    const schedule = makeSchedule({ policy });
    await storage.schedules.insert(schedule);
    const run = await insert({ trigger: 'schedule', scheduleId: schedule.id, scheduledFor: NOON });
    return { schedule, run };
  };
  return { storage, repeat, results, playbook, insert, insertOfSchedule };
}

const refused = (code: string, message: RegExp) => ({ code, message: expect.stringMatching(message) });

it('repeats a run with its parameters, and knows which it repeats', async () => {
  const { storage, repeat, insert } = await makeRepeat();
  const parameters = { ...NO_PARAMETERS, limit: 'web', tags: ['a'] };
  const run = await insert({ parameters });

  const again = await repeat.rerun(TESTER, run.id, 'all');

  expect(await storage.runs.find(again.id)).toMatchObject({
    playbook: run.playbook,
    parameters,
    onlyHosts: null,
    trigger: 'retry',
    retryOf: run.id,
    scheduleId: null,
    scheduledFor: null,
  });
});

it.each([
  ['failed', ['failed', 'both']],
  ['unreachable', ['away', 'both']],
  ['failedOrUnreachable', ['failed', 'away', 'both']],
] as const)('repeats a run for the hosts that were %s', async (hosts, expected) => {
  const { storage, repeat, insert } = await makeRepeat();
  const again = await repeat.rerun(TESTER, (await insert()).id, hosts);
  expect((await storage.runs.find(again.id))?.onlyHosts).toEqual(expected);
});

it('repeats a repeated run for the hosts of that one', async () => {
  const { storage, repeat, results, insert } = await makeRepeat();
  const first = await repeat.rerun(TESTER, (await insert()).id, 'failed');
  await storage.runs.finish(first.id, null, {
    status: 'failed',
    exitCode: 2,
    reason: null,
    finishedAt: NOON,
  });

  const all = await repeat.rerun(TESTER, first.id, 'all');
  results.recap = [row('failed', { ok: 2 }), row('both', { failed: 1 })];
  const failed = await repeat.rerun(TESTER, first.id, 'failed');

  expect(all).toMatchObject({ retryOf: first.id, onlyHosts: ['failed', 'both'] });
  expect(failed).toMatchObject({ retryOf: first.id, onlyHosts: ['both'] });
});

it('counts for the schedule and the instant of the run', async () => {
  const { storage, repeat, insertOfSchedule } = await makeRepeat();
  const { schedule, run } = await insertOfSchedule();

  const again = await repeat.rerun(TESTER, run.id, 'all');

  expect(again).toMatchObject({ scheduleId: schedule.id, scheduledFor: NOON });
  expect((await storage.runs.lastOfSchedules([schedule.id])).get(schedule.id)?.id).toBe(again.id);
});

it('keeps the overlap policy of the schedule, also of several at once', async () => {
  const { repeat, insertOfSchedule } = await makeRepeat();
  const skipping = await insertOfSchedule();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, () => repeat.rerun(TESTER, skipping.run.id, 'all')),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  await expect(repeat.rerun(TESTER, skipping.run.id, 'all')).rejects.toMatchObject(
    refused('INVALID_STATE', /overlap policy is SKIP/),
  );

  const { run } = await insertOfSchedule(ALLOW);
  await repeat.rerun(TESTER, run.id, 'all');
  await repeat.rerun(TESTER, run.id, 'all');
});

it('repeats the run of a deleted schedule as one of none', async () => {
  const { storage, repeat, insertOfSchedule } = await makeRepeat();
  const { schedule, run } = await insertOfSchedule();
  await storage.schedules.delete(schedule.id);
  expect(await repeat.rerun(TESTER, run.id, 'all')).toMatchObject({
    scheduleId: null,
    scheduledFor: null,
    retryOf: run.id,
  });
});

it('gives the same run for the same key', async () => {
  const { repeat, insert, insertOfSchedule } = await makeRepeat();
  for (const { id } of [await insert(), (await insertOfSchedule()).run]) {
    const again = await Promise.all([1, 2, 3].map(() => repeat.rerun(TESTER, id, 'all', `click-${id}`)));
    expect(new Set(again.map((run) => run.id)).size).toBe(1);
  }
});

it('says why a run cannot be repeated', async () => {
  const { storage, repeat, results, playbook, insert } = await makeRepeat();
  const { id } = await insert();
  const fails = (runId: string, hosts: 'all' | 'failed', code: string, message: RegExp) =>
    expect(repeat.rerun(TESTER, runId, hosts)).rejects.toMatchObject(refused(code, message));

  await fails('none', 'all', 'NOT_FOUND', /no run "none"/);
  for (const status of ['queued', 'running'] as const)
    await fails((await insert({ status })).id, 'all', 'INVALID_STATE', new RegExp(`not ended.*${status}`));
  await fails(
    (await insert({ parameters: null })).id,
    'all',
    'INVALID_STATE',
    /parameters .* cannot be read/,
  );

  results.recap = [row('ok', { ok: 1 })];
  await fails(id, 'failed', 'INVALID_STATE', /No host of this run failed/);
  results.recap = [];
  await fails(id, 'failed', 'INVALID_STATE', /No play of this run began/);
  results.problem = 'The plugin was not loaded.';
  await fails(id, 'failed', 'INVALID_STATE', /not known which hosts failed.*The plugin was not loaded/);
  results.problem = null;
  results.recap = Array.from({ length: 5 }, (_, n) => row(String(n).repeat(1_048_576), { failed: 1 }));
  await fails(id, 'failed', 'INVALID_STATE', /5 hosts are too long/);

  playbook.isThere = false;
  await fails(id, 'all', 'INVALID_STATE', /no playbook "update.yaml"/);
  expect(await storage.runs.count({})).toBe(4);
});
