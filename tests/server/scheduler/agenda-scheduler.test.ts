import type { AgendaBackend, JobParameters, JobRepository } from 'agenda';
import { expect, it, onTestFinished } from 'vitest';
import { createAgendaScheduler } from '../../../server/scheduler/agenda-scheduler.ts';
import type { SchedulerCallbacks } from '../../../server/scheduler/scheduler.ts';
import { TIMINGS } from '../../../server/timings.ts';
import { failing } from '../../support/failing.ts';
import { openTempStorage } from '../../support/temp-storage.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** A backend on a real store, some of whose operations are others. */
function changed(backend: AgendaBackend, operations: Partial<JobRepository>): AgendaBackend {
  return { ...backend, repository: { ...backend.repository, ...operations } };
}

function start(backend: AgendaBackend, callbacks: Partial<SchedulerCallbacks>) {
  const problems: string[] = [];
  const scheduler = createAgendaScheduler({
    backend,
    nodeName: 'one',
    concurrency: 1,
    timings: TIMINGS.scheduler,
    onTickAhead: async () => true,
    onTick: async () => [],
    onRun: async () => true,
    onSweep: async () => undefined,
    onError: (error, during) => problems.push(`${during}: ${(error as Error).message}`),
    ...callbacks,
  });
  return { scheduler, problems };
}

function tickJob(instant: Date, nextRunAt: Date): JobParameters {
  return { name: 'tick', type: 'normal', priority: 0, nextRunAt, data: { instant: instant.toISOString() } };
}

it('survives a store that fails while a job is released, and releases it all the same', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  const instant = new Date(Date.now() + 20_000);
  // due in more than a poll, and locked by a node that is gone: Agenda takes it, and sees that it is too early
  const job = await repository.saveJob(tickJob(instant, new Date(Date.now() + 3_500)), undefined);
  await repository.saveJobState({ ...job, lockedAt: new Date(Date.now() - 60_000) }, undefined);
  const ticks: Date[] = [];
  const { scheduler, problems } = start(
    changed(jobBackend, { unlockJob: failing(1, (one) => repository.unlockJob(one), 'deadlock detected') }),
    { onTickAhead: async (at) => ticks.push(at) > 0 },
  );
  await scheduler.start();
  onTestFinished(() => scheduler.stop(1_000));
  await waitUntil(() => ticks.length > 0, { withinMs: 15_000 });
  expect(ticks).toEqual([instant]);
  expect(problems).toEqual(['letting go of a job: deadlock detected']);
});

it('has room again for jobs whose lock expired before they were begun', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  const slept = new Set<string>();
  const begun: string[] = [];
  const { scheduler } = start(
    changed(jobBackend, {
      // the machine slept between the lock and the beginning of the first two
      getNextJobToRun: async (...args) => {
        const job = await repository.getNextJobToRun(...args);
        if (job?.name !== 'run' || slept.size === 2) return job;
        slept.add((job.data as { runId: string }).runId);
        return { ...job, lockedAt: new Date(Date.now() - 60_000) };
      },
    }),
    { onRun: async (runId) => begun.push(runId) > 0 },
  );
  await scheduler.start();
  onTestFinished(() => scheduler.stop(1_000));
  for (const id of ['a', 'b', 'c', 'd']) await scheduler.queueRun(id);
  await waitUntil(() => begun.length >= 2);
  expect([...begun, ...slept].sort()).toEqual(['a', 'b', 'c', 'd']);
});

it('has room again at once for a job that could not be begun', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  const begun: string[] = [];
  const saveRun = failing(1, (...args: Parameters<JobRepository['saveJobState']>) =>
    repository.saveJobState(...args),
  );
  const { scheduler } = start(
    changed(jobBackend, {
      saveJobState: (job, options) =>
        job.name === 'run' ? saveRun(job, options) : repository.saveJobState(job, options),
    }),
    { onRun: async (runId) => begun.push(runId) > 0 },
  );
  await scheduler.queueRun('a');
  await scheduler.queueRun('b');
  await scheduler.start();
  onTestFinished(() => scheduler.stop(1_000));
  await waitUntil(() => begun.length > 0);
});

it('takes no more runs than it has room for, also when it is asked to look several times at once', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  let taken = 0;
  let looks = 0;
  const finish: (() => void)[] = [];
  const { scheduler } = start(
    changed(jobBackend, {
      getNextJobToRun: async (...args) => {
        const job = await repository.getNextJobToRun(...args);
        looks += 1;
        if (job?.name === 'run') taken += 1;
        await new Promise(setImmediate);
        return job;
      },
    }),
    { onRun: () => new Promise((resolve) => finish.push(() => resolve(true))) },
  );
  await scheduler.start();
  onTestFinished(() => scheduler.stop(1_000));
  await Promise.all(['a', 'b', 'c'].map((id) => scheduler.queueRun(id)));
  for (let round = 1; round <= 3; round += 1) {
    await waitUntil(() => finish.length === round);
    // also after the next poll
    const before = looks;
    await waitUntil(() => looks >= before + 2);
    expect(taken).toBe(round);
    finish[round - 1]?.();
  }
});

it('starts a run whose earlier job was done and could not be removed', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  const begun: string[] = [];
  const options = { onRun: async (runId: string) => begun.push(runId) > 0 };
  const first = start(
    changed(jobBackend, { removeJobs: () => Promise.reject(new Error('away')) }),
    options,
  ).scheduler;
  await first.start();
  await first.queueRun('a');
  const isDone = async () =>
    (await repository.queryJobs({ name: 'run' })).jobs.some(({ lastFinishedAt }) => lastFinishedAt);
  await waitUntil(isDone);
  await first.stop(1_000);

  const { scheduler } = start(jobBackend, options);
  await scheduler.start();
  onTestFinished(() => scheduler.stop(1_000));
  await scheduler.queueRun('a');
  await waitUntil(() => begun.length === 2);
});

it('waits for what is under way when it stops, also when what it holds cannot be released', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  let isHeld = false;
  let finish: (() => void) | undefined;
  const { scheduler, problems } = start(
    changed(jobBackend, {
      getNextJobToRun: async (...args) => {
        const job = await repository.getNextJobToRun(...args);
        if (job?.name !== 'tick') return job;
        isHeld = true;
        // due soon, and so held without being begun
        return { ...job, nextRunAt: new Date(Date.now() + 900) };
      },
      unlockJobs: () => Promise.reject(new Error('away')),
    }),
    {
      onRun: () =>
        new Promise((resolve) => {
          finish = () => resolve(true);
        }),
    },
  );
  await scheduler.start();
  await scheduler.queueRun('a');
  const end = await waitUntil(() => finish);
  await scheduler.armTick(new Date());
  await waitUntil(() => isHeld);
  const stopped = scheduler.stop(60_000).then(() => 'stopped');
  await waitUntil(() => problems.length > 0);
  expect(problems).toEqual(['stopping: away']);
  expect(await Promise.race([stopped, 'waits'])).toBe('waits');
  end();
  expect(await stopped).toBe('stopped');
});
