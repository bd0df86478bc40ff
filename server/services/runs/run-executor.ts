import type { Run } from '../../domain/runs/run.ts';
import type { Runner } from '../../runner/runner.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Storage } from '../../storage/storage.ts';
import type { RunTimings } from '../../timings.ts';
import type { RunLogService } from '../logs/run-log-service.ts';
import type { PlaybookService } from '../playbooks/playbook-service.ts';
import { createHeldRuns } from './held-runs.ts';
import { createRunAdmission, type RunAdmission } from './run-admission.ts';
import { createRunRecovery } from './run-recovery.ts';
import { createRunStart, placeOf } from './run-start.ts';

/** The runs of this node: starts them, follows them to their end, and reattaches to them after a restart. */
export interface RunExecutor extends Omit<RunAdmission, 'released'> {
  /**
   * Runs this run if it is still queued; resolves when it has ended.
   * @returns false: there is no room here, but another node may have some
   */
  execute(runId: string): Promise<boolean>;
  /** Reattaches to runs that a previous process of this node started. Call once, before the scheduler starts. */
  recover(): Promise<void>;
  /** Ends the run if it is in progress on this node. */
  cancelIfHere(runId: string): void;
  /** Whether the run is in progress here or about to start. */
  isTaken(runId: string): boolean;
  /** Number of runs in progress here. */
  countActive(): number;
  /** Stops following. The playbooks continue, and the next `recover` reattaches to them. */
  close(): Promise<void>;
}

export interface RunExecutorOptions {
  readonly storage: Pick<Storage, 'schedules' | 'ticks' | 'runs' | 'changes' | 'isShared'>;
  readonly runner: Runner;
  readonly runLogs: Pick<RunLogService, 'ingest' | 'notifyEnd'>;
  readonly playbooks: Pick<PlaybookService, 'root' | 'checkRunnable' | 'isPresent'>;
  readonly scheduler: Pick<Scheduler, 'queueRun'>;
  /** Unique to this node and stable across restarts. */
  readonly workerId: string;
  readonly timings: RunTimings;
  /** Maximum number of concurrent runs, 0 or more. */
  readonly concurrency: number;
  /** Default time limit for runs that set none, in ms; null: no limit. */
  readonly timeoutMs: number | null;
  now(): Date;
  onError(error: unknown, during: string): void;
  onInfo(message: string, details: object): void;
}

export function createRunExecutor(options: RunExecutorOptions): RunExecutor {
  const { storage, runner, timings } = options;
  const { runs } = storage;
  const closing = new AbortController();
  const held = createHeldRuns(options, closing.signal);
  const { slots, waiting, starting, active } = held;
  const starts = createRunStart(options, held);
  const { released, ...admission } = createRunAdmission(options, held, starts);
  const reattachAll = createRunRecovery(options, held, starts);
  const heartbeat = setInterval(() => void held.beat(), timings.heartbeatMs);

  /**
   * Call only once the refusal is stored: if another node has started the run, the ledger must not deny it.
   */
  async function explainTick({ trigger, scheduleId, scheduledFor }: Run, reason: string): Promise<void> {
    if (trigger === 'schedule' && scheduleId !== null && scheduledFor !== null)
      await storage.ticks.explain(scheduleId, scheduledFor, reason);
  }

  return {
    ...admission,

    async execute(runId) {
      waiting.delete(runId);
      await released(runId);
      const queued = await runs.find(runId);
      if (queued?.status !== 'queued' || held.isTaken(runId)) return true;
      starting.set(runId, false);
      held.listen();
      let isPlaced = false;
      try {
        isPlaced = await slots.acquire(closing.signal, storage.isShared ? timings.roomWaitMs : null);
      } finally {
        if (!isPlaced) starting.delete(runId);
      }
      if (!isPlaced) {
        waiting.add(runId);
        return false;
      }
      try {
        const request = await starts.requestOrRefusal(queued);
        if (typeof request === 'string') {
          const refused = await runs.finish(runId, null, starts.failureOf(request));
          if (refused) await explainTick(queued, request);
          await storage.changes.publish({ kind: 'run', id: runId });
          return true;
        }
        runner.prepare(runId);
        const claimed = await starts.claimUntilAnswered(runId, placeOf(request.workspace));
        if (!claimed) {
          await runner.discard(runId);
          return true;
        }
        void storage.changes.publish({ kind: 'run', id: runId });
        await starts.start(claimed, request);
        return true;
      } finally {
        starting.delete(runId);
        slots.free();
      }
    },

    async recover() {
      await reattachAll();
      await held.beat();
    },

    cancelIfHere: held.cancelIfHere,
    isTaken: held.isTaken,
    countActive: active.count,

    async close() {
      clearInterval(heartbeat);
      await active.renewLeasesWhileStopped();
      closing.abort();
      await runner.close();
      await active.ended();
    },
  };
}
