import type { Run, RunPlace } from '../../domain/runs/run.ts';
import { type Runner, RunRefusedError, type RunRequest } from '../../runner/runner.ts';
import type { Scheduler } from '../../scheduler/scheduler.ts';
import type { Storage } from '../../storage/storage.ts';
import type { PlaybookService } from '../playbooks/playbook-service.ts';
import type { HeldRuns } from './held-runs.ts';
import { type PlannedRun, placeOf, type RunStart } from './run-start.ts';

/** Decides what happens to new runs on this node: started, queued or refused. */
export interface RunAdmission {
  /** Number of free slots not reserved for other runs. */
  countRoom(): number;
  /**
   * Prepares a run that will be admitted soon, if there is room now. This is no guarantee: the run is
   * admitted like any other, only faster. Never rejects.
   * @returns null when there is no room or it cannot be run; admission then reports the reason
   */
  prepare(run: Run): Promise<PreparedRun | null>;
  /** Resolves once no release of this run is in progress. */
  released(runId: string): Promise<void>;
  /** Decides what happens to a new run here, but neither stores nor begins it. Never rejects. */
  admit(run: Run, known?: KnownRun): Promise<Admission>;
}

/**
 * A run whose folder, command and sleeping supervisor wait for its instant. Its holder must either hand it to
 * `admit` or release it, exactly once.
 */
export interface PreparedRun {
  readonly id: string;
  readonly request: RunRequest & PlannedRun;
  /** Removes what was prepared; resolves when done. Never rejects. */
  release(): Promise<void>;
}

/** What the caller of `admit` has already done for the run. */
export interface KnownRun {
  /** The prepared run; `admit` takes it over. */
  readonly prepared?: PreparedRun | undefined;
  /** Its playbook was just found runnable with these parameters. */
  readonly isRunnable?: boolean;
}

/** A new run that is about to be stored. Exactly one of the functions must be called, once. */
export interface Admission {
  /**
   * The run to store: running on this node, queued when there is no room, or failed when it cannot be run.
   */
  readonly run: Run;
  /** It was stored: starts or queues it. Never rejects. */
  begin(): Promise<void>;
  /** It was not stored and never will be. Never rejects. */
  drop(): Promise<void>;
  /**
   * It is unknown whether it was stored: retries until the database answers, then begins or drops it. Never
   * rejects.
   */
  reconcile(): Promise<void>;
}

export interface RunAdmissionOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs'>;
  readonly runner: Pick<Runner, 'arm' | 'disarm' | 'prepare' | 'filesOf'>;
  readonly playbooks: Pick<PlaybookService, 'isPresent'>;
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
  const { slots, waiting, starting } = held;
  /** Prepared runs, which do not occupy a slot yet. */
  const prepared = new Set<string>();
  /** Releases in progress; the same run must not start before its release is done. */
  const releasing = new Map<string, Promise<void>>();

  function release(runId: string): Promise<void> {
    prepared.delete(runId);
    let released = releasing.get(runId);
    if (!released) {
      released = runner
        .disarm(runId)
        .catch((error: unknown) => options.onError(error, `releasing run ${runId}`))
        .finally(() => releasing.delete(runId));
      releasing.set(runId, released);
    }
    return released;
  }

  /** @returns the run, owned by this node; null when there is no room */
  function reserve(admitted: Run, place: RunPlace): Run | null {
    if (waiting.size > 0 || held.stopping.aborted || !slots.takeIfFree()) return null;
    try {
      // create the spool folder before claiming the run: after a crash in between, the run is known not to
      // have started, rather than lost
      runner.prepare(admitted.id);
    } catch (error) {
      slots.free();
      options.onError(error, `making the folder of run ${admitted.id}`);
      return null;
    }
    prepared.delete(admitted.id);
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

  async function admit(admitted: Run, known: KnownRun = {}): Promise<Admission> {
    if (known.prepared && !options.playbooks.isPresent(admitted.playbook)) {
      // deleted since it was prepared: whoever reads the ledger is told why it did not start
      await known.prepared.release();
      return admit(admitted);
    }
    const request = known.prepared?.request ?? (await requestOrRefusal(admitted, known.isRunnable));
    if (typeof request === 'string')
      return admission({ ...admitted, ...failureOf(request) }, nothing, nothing);
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
          await release(ours.id);
        },
      );
    }
    void known.prepared?.release();
    waiting.add(admitted.id);
    held.listen();
    return admission(
      admitted,
      // the database row is authoritative; if this fails, the sweep repairs it
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
          // complete pending firings first: one may still insert this run
          await storage.schedules.completeFirings();
          const stored = await runs.find(admitted.id);
          if (stored?.status === admitted.status && stored.workerId === admitted.workerId) return begin();
          if (stored?.status === 'lost' && stored.workerId === workerId) {
            await runs.finish(admitted.id, workerId, failureOf('It was not started: the database was away.'));
          }
          return drop();
        };
        // rejects only when this node stops; the next start checks what was stored
        return held
          .untilAnswered(`looking whether run ${admitted.id} was stored`, decide)
          .catch(() => undefined);
      },
    };
  }

  function countRoom(): number {
    if (waiting.size > 0 || held.stopping.aborted) return 0;
    return Math.max(0, slots.countFree() - prepared.size);
  }

  return {
    countRoom,

    async prepare(run) {
      const planned = await requestOrRefusal(run);
      if (typeof planned === 'string' || countRoom() === 0) return null;
      try {
        const request = { ...planned, files: await runner.filesOf(planned.parameters, planned.onlyHosts) };
        if (countRoom() === 0) return null;
        runner.arm(request);
        prepared.add(run.id);
        return { id: run.id, request, release: () => release(run.id) };
      } catch (error) {
        if (!(error instanceof RunRefusedError)) options.onError(error, `preparing run ${run.id}`);
        await release(run.id);
        return null;
      }
    },

    released: async (runId) => releasing.get(runId),
    admit,
  };
}

async function nothing(): Promise<void> {}
