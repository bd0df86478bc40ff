import type { Run, RunPlace } from '../../domain/runs/run.ts';
import { type Runner, RunRefusedError } from '../../runner/runner.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Storage } from '../../storage/storage.ts';
import type { HeldRuns } from './held-runs.ts';
import { placeOf, type RunStart } from './run-start.ts';

/** Decides what becomes of new runs on this node: started, queued or refused. */
export interface RunAdmission {
  /** For how many runs there is room now that is not kept for others. */
  countRoom(): number;
  /**
   * Gets ready for a run that is to be admitted soon, as far as there is room now. It is no promise: the run is admitted
   * like any other, only faster. Never rejects.
   * @returns whether it is ready; then it must be admitted or `disarm`ed
   */
  arm(run: Run): Promise<boolean>;
  /** Lets go of what `arm` made ready, and resolves when that is done. Safe to call again. Never rejects. */
  disarm(runId: string): Promise<void>;
  /** Resolves when nothing of the run is being let go of. */
  disarmed(runId: string): Promise<void>;
  /** What becomes of a new run here: decided, but neither stored nor begun. Never rejects. */
  admit(run: Run): Promise<Admission>;
}

/** A new run that is about to be stored. One of the functions must be called, once. */
export interface Admission {
  /** As it is to be stored: running on this node, queued when there is no room, or failed when it cannot be run. */
  readonly run: Run;
  /** It was stored: starts it, or has it wait for its turn. Never rejects. */
  begin(): Promise<void>;
  /** It was not stored, and will not be. Never rejects. */
  drop(): Promise<void>;
  /** Nobody knows whether it was stored: asks until the database answers, and begins or drops it then. Never rejects. */
  reconcile(): Promise<void>;
}

export interface RunAdmissionOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs'>;
  readonly runner: Pick<Runner, 'arm' | 'disarm' | 'prepare' | 'filesOf'>;
  readonly scheduler: Pick<Scheduler, 'queueRun'>;
  readonly workerId: string;
  now(): Date;
  onError(error: unknown, during: string): void;
}

export function createRunAdmission(
  options: RunAdmissionOptions,
  held: HeldRuns,
  { requestOrRefusal, start, failureOf }: RunStart,
): RunAdmission {
  const { storage, runner, scheduler, workerId } = options;
  const { runs } = storage;
  const { slots, armed, waiting, starting } = held;
  /** What is being let go of: the same run is not started before that is done. */
  const disarming = new Map<string, Promise<void>>();

  function disarm(runId: string): Promise<void> {
    armed.delete(runId);
    let letGo = disarming.get(runId);
    if (!letGo) {
      letGo = runner
        .disarm(runId)
        .catch((error: unknown) => options.onError(error, `letting go of run ${runId}`))
        .finally(() => disarming.delete(runId));
      disarming.set(runId, letGo);
    }
    return letGo;
  }

  /** @returns the run as ours; null when there is no room */
  function reserve(admitted: Run, place: RunPlace): Run | null {
    if (waiting.size > 0 || held.stopping.aborted || !slots.takeIfFree()) return null;
    try {
      // the spool folder is there before the run is ours, so that a crash in between can be told from a lost run
      runner.prepare(admitted.id);
    } catch (error) {
      slots.free();
      options.onError(error, `preparing run ${admitted.id}`);
      return null;
    }
    armed.delete(admitted.id);
    starting.set(admitted.id, false);
    held.listen();
    return {
      ...admitted,
      status: 'running',
      workerId,
      startedAt: options.now(),
      leaseUntil: held.active.lease(),
      place,
    };
  }

  async function admit(admitted: Run): Promise<Admission> {
    const request = await requestOrRefusal(admitted);
    if (typeof request === 'string') {
      if (armed.has(admitted.id)) void disarm(admitted.id);
      return admission({ ...admitted, ...failureOf(request) }, nothing, nothing);
    }
    const ours = reserve(admitted, placeOf(request.workspace));
    if (ours) {
      return admission(
        ours,
        async () => {
          void start(ours, request)
            .catch((error: unknown) => {
              if (!held.stopping.aborted) options.onError(error, `running ${ours.id}`);
            })
            .finally(slots.free);
        },
        async () => {
          starting.delete(ours.id);
          slots.free();
          await disarm(ours.id);
        },
      );
    }
    if (armed.has(admitted.id)) void disarm(admitted.id);
    waiting.add(admitted.id);
    held.listen();
    return admission(
      admitted,
      // the row is the truth: what fails here the sweep makes good
      () =>
        scheduler
          .queueRun(admitted.id)
          .catch((error: unknown) => options.onError(error, `queueing run ${admitted.id}`)),
      async () => void waiting.delete(admitted.id),
    );
  }

  function admission(admitted: Run, begin: () => Promise<void>, drop: () => Promise<void>): Admission {
    return {
      run: admitted,
      begin,
      drop,
      reconcile() {
        const decide = async () => {
          // first what may store it still
          await storage.schedules.completeFirings();
          const stored = await runs.find(admitted.id);
          if (stored?.status === admitted.status && stored.workerId === admitted.workerId) return begin();
          if (stored?.status === 'lost' && stored.workerId === workerId) {
            await runs.finish(admitted.id, workerId, failureOf('It was not started: the database was away.'));
          }
          return drop();
        };
        // rejects only when this node stops: the next start looks at what is stored
        return held
          .untilAnswered(`looking whether run ${admitted.id} was stored`, decide)
          .catch(() => undefined);
      },
    };
  }

  function countRoom(): number {
    if (waiting.size > 0 || held.stopping.aborted) return 0;
    return Math.max(0, slots.countFree() - armed.size);
  }

  return {
    countRoom,

    async arm(run) {
      // what cannot be run says so when it is admitted
      const request = await requestOrRefusal(run);
      if (typeof request === 'string' || countRoom() === 0) return false;
      try {
        const full = { ...request, files: await runner.filesOf(request.parameters) };
        if (countRoom() === 0) return false;
        runner.arm(full);
        armed.set(run.id, full);
        return true;
      } catch (error) {
        if (!(error instanceof RunRefusedError)) options.onError(error, `getting ready for run ${run.id}`);
        await disarm(run.id);
        return false;
      }
    },

    disarm,
    disarmed: async (runId) => disarming.get(runId),
    admit,
  };
}

async function nothing(): Promise<void> {}
