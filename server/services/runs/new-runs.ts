import type { Actor, ChangeLog } from '../../domain/actor.ts';
import { newRun, type Run } from '../../domain/runs/run.ts';
import type { Storage } from '../../storage/storage.ts';
import type { RunExecutor } from './run-executor.ts';

/** Starts runs that no tick starts. */
export interface NewRuns {
  /**
   * Starts a run here, or queues it until there is room. The caller has checked that it can be run.
   * @param store stores the admitted run; false: it did not
   * @returns null when it was not stored
   */
  start(actor: Actor, wanted: WantedRun, store: (run: Run) => Promise<boolean>): Promise<Run | null>;
}

export type WantedRun = Omit<Parameters<typeof newRun>[0], 'queuedAt'>;

export interface NewRunsOptions {
  readonly storage: Pick<Storage, 'changes'>;
  readonly executor: Pick<RunExecutor, 'admit'>;
  now(): Date;
  readonly logChange: ChangeLog;
}

export function createNewRuns({ storage, executor, now, logChange }: NewRunsOptions): NewRuns {
  return {
    async start(actor, wanted, store) {
      const run = newRun({ ...wanted, queuedAt: now() });
      const admission = await executor.admit(run, { isRunnable: true });
      let isStored: boolean;
      try {
        isStored = await store(admission.run);
      } catch (error) {
        void admission.reconcile();
        throw error;
      }
      if (!isStored) {
        await admission.drop();
        return null;
      }
      await storage.changes.publish({ kind: 'run', id: run.id });
      await admission.begin();
      const { id, playbook, scheduleId: schedule, retryOf } = run;
      const { status } = admission.run;
      const repeats = retryOf === null ? {} : { repeats: retryOf };
      logChange(actor, 'made a run', { run: id, playbook, schedule, status, ...repeats });
      return admission.run;
    },
  };
}
