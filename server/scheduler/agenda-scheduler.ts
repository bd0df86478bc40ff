import { setTimeout as delay } from 'node:timers/promises';
import { Agenda, type AgendaBackend, InMemoryNotificationChannel, type Job } from 'agenda';
import { putBounded } from '../domain/bounded-map.ts';
import type { SchedulerTimings } from '../timings.ts';
import { patchLimitAndUnlock } from './patched-backend.ts';
import type { Scheduler, SchedulerCallbacks } from './scheduler.ts';

export interface AgendaSchedulerOptions extends SchedulerCallbacks {
  /** Already connected. */
  readonly backend: AgendaBackend;
  /** Written into the jobs that this node holds; unique to this node and stable across restarts. */
  readonly nodeName: string;
  /** Maximum number of concurrent runs on this node; 0: none. */
  readonly concurrency: number;
  readonly timings: SchedulerTimings;
}

/** One job per instant, however many schedules wait for it. */
type TickData = { instant: string };
type RunData = { runId: string };

/** An armed instant is not armed again within this time, unless it is close enough for the sweep. */
const REMEMBER_MS = 5_000;
const FAR_MS = 60_000;
const MAX_REMEMBERED = 10_000;
/**
 * Above any number of ticks that wait at once: waiting costs nothing, and a limit would delay the ticks after
 * them.
 */
const UNLIMITED = 1_000_000;

/** The only code that knows Agenda: it persists, locks and wakes; the callbacks decide when and whether. */
export function createAgendaScheduler(options: AgendaSchedulerOptions): Scheduler {
  const { timings } = options;
  const stopping = new AbortController();
  const { backend, holding } = patchLimitAndUnlock(options.backend, {
    limited: 'run',
    limit: options.concurrency,
    lockMs: timings.runLockMs,
    retryMs: timings.retryMs,
    signal: stopping.signal,
    onError: (error) => options.onError(error, 'letting go of a job'),
  });
  const agenda = new Agenda({
    backend,
    // without a channel, a job saved to run at once waits for the next poll
    notificationChannel: new InMemoryNotificationChannel(),
    name: options.nodeName,
    processEvery: timings.pollMs,
    maxConcurrency: UNLIMITED,
    removeOnComplete: true,
  });
  const underWay = new Set<Promise<unknown>>();
  /** When each instant was armed, in ms. */
  const armedAt = new Map<number, number>();

  agenda.on('error', (error: unknown) => options.onError(error, 'agenda'));

  const retrying = { backoff: () => timings.retryMs, removeOnComplete: true };

  agenda.define<TickData>(
    'tick',
    (job) =>
      track(async () => {
        const instant = new Date(job.attrs.data.instant);
        const ready = getReady(instant);
        await waitUntil(new Date(instant.getTime() - timings.lastCallMs), stopping.signal);
        if (!(await Promise.race([ready, false]))) void getReady(instant);
        await waitUntil(instant, stopping.signal);
        const next = await reporting('tick', () => options.onTick(instant));
        armedAt.delete(instant.getTime());
        for (const one of next) await armTick(one);
      }),
    { ...retrying, concurrency: UNLIMITED, lockLifetime: timings.tickLockMs },
  );

  if (options.concurrency > 0) {
    agenda.define<RunData>(
      'run',
      (job) =>
        track(async () => {
          const stopTouching = keepLocked(job);
          try {
            const isDone = await holding(String(job.attrs._id), () =>
              reporting('run', () => options.onRun(job.attrs.data.runId)),
            );
            // a failed job is released, and due again later
            if (!isDone) throw new Error('There was no room for it.');
          } finally {
            stopTouching();
          }
        }),
      // a node must not hold jobs that it has no room for, since another may have room: the backend ensures that
      { ...retrying, concurrency: options.concurrency, lockLifetime: timings.runLockMs },
    );
  }

  agenda.define('sweep', () => track(() => reporting('sweep', options.onSweep)), {
    concurrency: 1,
    removeOnComplete: false,
    // for a node that dies in the middle; Agenda's default is ten minutes
    lockLifetime: timings.runLockMs,
  });

  /** @returns whether nothing is left to prepare */
  async function getReady(instant: Date): Promise<boolean> {
    if (instant.getTime() - Date.now() < timings.lastCallMs / 2) return true;
    try {
      return await options.onTickAhead(instant);
    } catch (error) {
      if (!stopping.signal.aborted) options.onError(error, 'getting ready');
      return false;
    }
  }

  async function armTick(instant: Date): Promise<void> {
    const [at, now] = [instant.getTime(), Date.now()];
    // many schedules wait for the same instant; a near one is always armed, since its job may already be done
    const known = armedAt.get(at);
    if (known !== undefined && now - known < REMEMBER_MS && at - now > FAR_MS) return;
    const data: TickData = { instant: instant.toISOString() };
    await agenda
      .create('tick', data)
      .unique({ 'data.instant': data.instant }, { insertOnly: true })
      .schedule(new Date(at - timings.leadMs))
      .save();
    putBounded(armedAt, at, now, MAX_REMEMBERED);
  }

  /** Tracks work in progress, so that `stop` can wait for it; starts nothing once it is stopping. */
  async function track(work: () => Promise<void>): Promise<void> {
    if (stopping.signal.aborted) throw new Error('The scheduler is stopping.');
    const promise = work();
    underWay.add(promise);
    try {
      await promise;
    } finally {
      underWay.delete(promise);
    }
  }

  async function reporting<T>(during: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!stopping.signal.aborted) options.onError(error, during);
      throw error;
    }
  }

  function keepLocked(job: Job<RunData>): () => void {
    const timer = setInterval(() => {
      // a lost lock is harmless: the run's row decides who owns it
      job.touch().catch(() => clearInterval(timer));
    }, timings.runLockMs / 3);
    return () => clearInterval(timer);
  }

  return {
    armTick,

    async disarmTick(instant) {
      armedAt.delete(instant.getTime());
      // other nodes may still remember it: those that wait for a near instant rely on its job
      if (instant.getTime() - Date.now() < FAR_MS) return;
      await agenda.cancel({ name: 'tick', data: { instant: instant.toISOString() } });
    },

    async queueRun(runId) {
      const data: RunData = { runId };
      await agenda.create('run', data).unique({ 'data.runId': runId }, { insertOnly: true }).save();
    },

    async start() {
      await agenda.ready;
      await tidyUp(backend, options.nodeName);
      await agenda.every(timings.sweepMs, 'sweep');
      await agenda.start();
    },

    async stop(timeoutMs) {
      stopping.abort();
      // a job that cannot be released is free when its lock expires
      await agenda.stop(false).catch((error: unknown) => options.onError(error, 'stopping'));
      const timeout = new AbortController();
      await Promise.race([
        Promise.allSettled(underWay),
        delay(timeoutMs, undefined, { signal: timeout.signal }).catch(() => undefined),
      ]);
      timeout.abort();
    },
  };
}

/**
 * Releases the jobs that a previous process of this node held, which would otherwise wait for their locks to
 * expire. A job that was running has no next run any more; it becomes due at once. Jobs that are done but could
 * not be removed would block another one for the same run.
 */
async function tidyUp({ repository }: AgendaBackend, nodeName: string): Promise<void> {
  const { jobs } = await repository.queryJobs();
  for (const job of jobs) {
    if (!job.lockedAt || job.lastModifiedBy !== nodeName) continue;
    const { lockedAt: _lockedAt, ...free } = job;
    await repository.saveJobState({ ...free, nextRunAt: job.nextRunAt ?? new Date() }, undefined);
  }
  const done = jobs
    .filter(({ lockedAt, nextRunAt }) => !lockedAt && !nextRunAt)
    .map(({ _id }) => String(_id));
  if (done.length > 0) await repository.removeJobs({ ids: done });
}

/** Resolves at the instant or just after it, never before: a Node timer may wake a millisecond early. */
async function waitUntil(instant: Date, signal: AbortSignal): Promise<void> {
  for (;;) {
    const remaining = instant.getTime() - Date.now();
    if (remaining <= 0) return;
    await delay(Math.min(remaining, 60_000), undefined, { signal });
  }
}
