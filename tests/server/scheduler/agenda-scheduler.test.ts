import { setTimeout as delay } from 'node:timers/promises';
import type { AgendaBackend, JobRepository } from 'agenda';
import { expect, it, onTestFinished } from 'vitest';
import { createAgendaScheduler, LEAD_MS } from '../../../server/scheduler/agenda-scheduler.ts';
import type { SchedulerCallbacks } from '../../../server/scheduler/scheduler.ts';
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
    onTickAhead: async () => true,
    onTick: async () => [],
    onRun: async () => true,
    onSweep: async () => undefined,
    onError: (error, during) => problems.push(`${during}: ${(error as Error).message}`),
    ...callbacks,
  });
  return { scheduler, problems };
}

/** An operation that fails so many times, and then does what it did. */
function failing<A extends unknown[], R>(times: number, operation: (...args: A) => Promise<R>) {
  let left = times;
  return async (...args: A): Promise<R> => {
    if (left > 0) {
      left -= 1;
      throw new Error('deadlock detected');
    }
    return operation(...args);
  };
}

it('runs what it took at once with something else and could not let go of', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  let unlocked = 0;
  const begun: string[] = [];
  const { scheduler, problems } = start(
    changed(jobBackend, {
      // two that look for work at once both find some, and there is room for one
      getNextJobToRun: async (...args) => {
        const job = await repository.getNextJobToRun(...args);
        await delay(50);
        return job;
      },
      unlockJob: failing(1, async (job) => {
        unlocked += 1;
        await repository.unlockJob(job);
      }),
    }),
    { onRun: async (runId) => begun.push(runId) > 0 },
  );
  await scheduler.start();
  onTestFinished(() => scheduler.stop(1_000));
  await Promise.all(['a', 'b', 'c'].map((id) => scheduler.queueRun(id)));
  await waitUntil(() => begun.length === 3, { withinMs: 15_000 });
  expect(begun.sort()).toEqual(['a', 'b', 'c']);
  expect(unlocked).toBeGreaterThan(0);
  expect(problems).toContain('letting go of a job: deadlock detected');
});

it('waits for what is under way when it stops, also when what it holds cannot be let go of', async () => {
  const { jobBackend } = await openTempStorage();
  const { repository } = jobBackend;
  let isHeld = false;
  let finish: (() => void) | undefined;
  const { scheduler, problems } = start(
    changed(jobBackend, {
      getNextJobToRun: async (...args) => {
        const job = await repository.getNextJobToRun(...args);
        if (job?.name === 'tick') isHeld = true;
        return job;
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
  // taken less than a second before it is due, and so held without being begun
  await scheduler.armTick(new Date(Date.now() + LEAD_MS + 900));
  await waitUntil(() => isHeld);
  const stopped = scheduler.stop(60_000).then(() => 'stopped');
  await waitUntil(() => problems.length > 0);
  expect(problems).toEqual(['stopping: away']);
  expect(await Promise.race([stopped, 'waits'])).toBe('waits');
  end();
  expect(await stopped).toBe('stopped');
});
