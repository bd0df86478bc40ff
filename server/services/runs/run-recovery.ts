import { isFinished, type RunEnd } from '../../domain/runs/run.ts';
import type { Reattached, RunExit, Runner } from '../../runner/runner.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Storage } from '../../storage/storage.ts';
import type { RunTimings } from '../../timings.ts';
import { retryInBackground } from '../retry.ts';
import type { HeldRuns } from './held-runs.ts';
import { endOf, type RunStart } from './run-start.ts';

export interface RunRecoveryOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs' | 'changes'>;
  readonly runner: Pick<Runner, 'reattach' | 'discard' | 'listSpooled'>;
  readonly scheduler: Pick<Scheduler, 'queueRun'>;
  readonly workerId: string;
  readonly timings: RunTimings;
  now(): Date;
  onError(error: unknown, during: string): void;
}

/**
 * Reattaches to runs started by a previous process of this node: follows one that is still running from where
 * its stored log ends, requeues one that never started, and marks one that is gone as lost.
 */
export function createRunRecovery(
  options: RunRecoveryOptions,
  held: HeldRuns,
  { timeoutOf, failureOf }: RunStart,
): () => Promise<void> {
  const { storage, runner, scheduler, workerId } = options;
  const { runs } = storage;
  const { slots, starting } = held;

  /** Tries once before continuing; a failure is retried in the background, or by the next start. */
  function nowOrLater(during: string, work: () => Promise<void>): Promise<void> {
    return retryInBackground(work, held.stopping, (error) => options.onError(error, during), options.timings);
  }

  /** Keeps others from starting or following the run meanwhile. @returns null when another already does */
  async function withRunLock<T>(runId: string, work: () => Promise<T>): Promise<T | null> {
    if (held.isTaken(runId)) return null;
    starting.set(runId, false);
    try {
      return await work();
    } finally {
      starting.delete(runId);
    }
  }

  async function recoverRun(runId: string): Promise<void> {
    const taken = await withRunLock(runId, () => reattach(runId));
    if (taken === 'notStarted') await nowOrLater(`queueing run ${runId}`, () => queueAgain(runId));
  }

  async function queueAgain(runId: string): Promise<void> {
    const isQueued = await withRunLock(runId, async () => {
      if (await runs.unclaim(runId, workerId)) return true;
      // other nodes have since marked it as lost
      await runs.finish(runId, workerId, failureOf('It was not started: its node went away.'));
      return false;
    });
    if (isQueued) await scheduler.queueRun(runId);
    if (isQueued !== null) await storage.changes.publish({ kind: 'run', id: runId });
  }

  async function reattach(runId: string): Promise<Reattached['kind'] | null> {
    const found = await runs.find(runId);
    const isOurs =
      found !== null &&
      found.workerId === workerId &&
      (found.status === 'running' || found.status === 'lost');
    if (!isOurs) {
      if (found === null || isFinished(found.status) || found.status === 'queued')
        await runner.discard(runId);
      return null;
    }
    const reattached = await runner.reattach({
      runId,
      startedAt: found.startedAt ?? options.now(),
      timeoutMs: timeoutOf(found.parameters),
      isCancelRequested: found.cancelRequestedAt !== null,
    });
    switch (reattached.kind) {
      case 'attached':
        slots.take();
        void held.follow(reattached.process, { isNew: false, isLost: false, endOf }).finally(slots.free);
        break;
      case 'lost': {
        const { reason } = reattached;
        const endOfLost = ({ finishedAt }: RunExit): RunEnd => ({
          status: 'lost',
          exitCode: null,
          reason,
          finishedAt,
        });
        void held.follow(reattached.process, { isNew: false, isLost: true, endOf: endOfLost });
        break;
      }
      case 'notStarted':
        break;
      default:
        reattached satisfies never;
    }
    return reattached.kind;
  }

  return async () => {
    // a pending firing may still store runs of this node
    await storage.schedules.completeFirings();
    const running = await runs.listRunningOf(workerId);
    const ids = new Set([...(await runner.listSpooled()), ...running.map(({ id }) => id)]);
    for (const id of ids) await nowOrLater(`reattaching to run ${id}`, () => recoverRun(id));
  };
}
