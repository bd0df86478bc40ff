import { batching } from '../../domain/batching.ts';
import type { RunEnd } from '../../domain/runs/run.ts';
import type { RunExit, Runner, RunProcess } from '../../runner/runner.ts';
import type { Storage } from '../../storage/storage.ts';
import type { RunTimings } from '../../timings.ts';
import type { RunLogService } from '../logs/run-log-service.ts';
import { retryUntilAborted } from '../retry.ts';

/**
 * The runs in progress on this node: follows each to its end, renews its lease until then, and cancels it on
 * request.
 */
export interface ActiveRuns {
  has(runId: string): boolean;
  count(): number;
  /**
   * Follows a process to its end and stores its complete log before it records how the run ended. Resolves
   * when that is stored, or when this node stops. Never rejects.
   */
  follow(process: RunProcess, how: Following): Promise<void>;
  /** Retries until it is stored. Rejects only when this node stops. */
  finish(runId: string, end: RunEnd): Promise<void>;
  /** Ends the run if it is in progress here. */
  cancel(runId: string): void;
  /** When a lease renewed now would expire. */
  lease(): Date;
  /** Renews the leases of all of them, and revives those that other nodes marked as lost. Never rejects. */
  renewLeases(): Promise<void>;
  /** Extends all leases to cover a planned stop. Never rejects. */
  renewLeasesWhileStopped(): Promise<void>;
  /** Resolves once no run is being followed. */
  ended(): Promise<void>;
}

export interface Following {
  /** Whether none of its log can be stored yet. */
  readonly isNew: boolean;
  /** Whether it can never be known how it ended; its lease is then not renewed. */
  readonly isLost: boolean;
  endOf(exit: RunExit): RunEnd;
}

export interface ActiveRunsOptions {
  readonly storage: Pick<Storage, 'runs' | 'changes'>;
  readonly runner: Pick<Runner, 'discard'>;
  readonly runLogs: Pick<RunLogService, 'ingest' | 'notifyEnd'>;
  readonly workerId: string;
  readonly timings: RunTimings;
  /** Aborts when this node stops. */
  readonly stopping: AbortSignal;
  now(): Date;
  onError(error: unknown, during: string): void;
  onInfo(message: string, details: object): void;
}

interface ActiveRun {
  readonly process: RunProcess;
  isCanceling: boolean;
  /** How it ended is known, or known to be unknowable: its lease is no longer renewed. */
  isEnding: boolean;
  ended: Promise<void>;
}

export function createActiveRuns(options: ActiveRunsOptions): ActiveRuns {
  const { storage, workerId, stopping, timings } = options;
  const { runs } = storage;
  const active = new Map<string, ActiveRun>();

  const store = batching<{ readonly id: string; readonly end: RunEnd }>((ends) =>
    runs.finishOwn(workerId, ends),
  );

  function finish(runId: string, end: RunEnd): Promise<void> {
    const work = async () => {
      await store({ id: runId, end });
      await storage.changes.publish({ kind: 'run', id: runId });
      options.runLogs.notifyEnd(runId);
    };
    const onError = (error: unknown) => options.onError(error, `storing the end of run ${runId}`);
    return retryUntilAborted(work, stopping, onError, { retryMs: timings.retryMs });
  }

  async function followToEnd(run: ActiveRun, { isNew, endOf }: Following): Promise<void> {
    const { process } = run;
    const { runId } = process;
    try {
      await options.runLogs.ingest(process, isNew, stopping);
      const end = endOf(await process.exit);
      run.isEnding = true;
      await finish(runId, end);
      await options.runner.discard(runId);
    } catch (error) {
      if (!stopping.aborted) options.onError(error, `following run ${runId}`);
    } finally {
      active.delete(runId);
    }
  }

  function lease(ms = timings.leaseMs): Date {
    return new Date(options.now().getTime() + ms);
  }

  function cancel(runId: string): void {
    const run = active.get(runId);
    if (!run || run.isCanceling) return;
    run.isCanceling = true;
    run.process
      .cancel((step) => options.onInfo(step, { runId }))
      .catch((error: unknown) => {
        run.isCanceling = false;
        options.onError(error, `canceling run ${runId}`);
      });
  }

  return {
    has: (runId) => active.has(runId),
    count: () => active.size,

    follow(process, how) {
      const run: ActiveRun = {
        process,
        isCanceling: false,
        isEnding: how.isLost,
        ended: Promise.resolve(),
      };
      active.set(process.runId, run);
      run.ended = followToEnd(run, how);
      return run.ended;
    },

    finish,
    cancel,
    lease: () => lease(),

    async renewLeases() {
      const ids = [...active].filter(([, { isEnding }]) => !isEnding).map(([id]) => id);
      if (ids.length === 0) return;
      try {
        const renewed = await runs.renewLeases(workerId, ids, lease());
        for (const run of renewed) if (run.cancelRequestedAt) cancel(run.id);
        if (renewed.length === ids.length) return;
        // other nodes marked these as lost while this node was paused or cut off
        const known = new Set(renewed.map(({ id }) => id));
        const others = ids.filter((id) => !known.has(id));
        for (const { id } of await runs.revive(workerId, others, lease()))
          await storage.changes.publish({ kind: 'run', id });
      } catch (error) {
        options.onError(error, 'renewing leases');
      }
    },

    async renewLeasesWhileStopped() {
      if (active.size === 0) return;
      await runs
        .renewLeases(workerId, [...active.keys()], lease(timings.leaseWhileStoppedMs))
        .catch((error: unknown) => options.onError(error, 'renewing leases'));
    },

    async ended() {
      await Promise.all([...active.values()].map(({ ended }) => ended));
    },
  };
}
