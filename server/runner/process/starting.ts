import { messageOf } from '../../domain/caught.ts';
import { type RunFile, type RunProcess, RunRefusedError } from '../runner.ts';
import type { Discarding } from './discarding.ts';
import type { Command, Launch, LaunchEnd } from './launcher.ts';
import { type RunContext, supervisedOf } from './run-context.ts';
import type { Spool } from './spool.ts';
import { supervise } from './supervised-run.ts';

/** Starts programs, either at once or through a supervisor armed ahead of time. */
export interface Starting {
  /** Launches a supervisor that sleeps until `start` is called. @throws {RunRefusedError} */
  arm(run: ProgramRun): void;
  /** @throws {RunRefusedError} */
  start(run: ProgramRun): RunProcess;
  /** Ends an armed supervisor and removes its folder; for a run that is not armed, removes whatever exists. */
  disarm(runId: string): Promise<void>;
  disarmAll(): Promise<void>;
}

/** A program to run once. */
export interface ProgramRun {
  readonly runId: string;
  /** Time limit in ms, after which it is ended; null: none. */
  readonly timeoutMs: number | null;
  /** Files that it finds in its spool folder until it has ended. */
  readonly files: readonly Pick<RunFile, 'name' | 'mode' | 'content'>[];
  /** @throws {RunRefusedError} when it cannot be run now */
  check(): void;
  /** How to invoke it. */
  commandIn(spool: Spool): Command;
}

/**
 * Maximum number of supervisors that wait in their own cgroup. While the kernel moves a process into one, for
 * 10 ms, nothing on the machine can fork; the processes of further runs are watched instead.
 */
const MAX_ARMED_IN_CGROUPS = 50;

export function createStarting(context: RunContext, discarding: Discarding): Starting {
  const { spools, cgroups, launcher } = context;
  /** Supervisors that wait for their request. */
  const armed = new Map<string, Launch>();

  /** Creates the spool folder with the program's files. */
  function fillFolder(run: ProgramRun): void {
    run.check();
    orRefused(() => {
      const spool = spools.of(run.runId);
      spool.create();
      for (const file of run.files) spool.writeFile(file);
    });
  }

  function launch(run: ProgramRun, mayHaveCgroup = true): Launch {
    const { runId } = run;
    return orRefused(() => {
      const cgroup = mayHaveCgroup ? cgroups.create(runId) : null;
      return launcher.launch(runId, cgroup, run.commandIn(spools.of(runId)));
    });
  }

  async function disarm(runId: string): Promise<void> {
    const ready = armed.get(runId);
    armed.delete(runId);
    if (!ready) return discarding.discard(runId);
    launcher.wake(runId);
    // a supervisor that is about to sleep must still find its folder
    await ready.gone;
    await discarding.removeOrWarn(runId);
  }

  return {
    arm(run) {
      fillFolder(run);
      armed.set(run.runId, launch(run, armed.size < MAX_ARMED_IN_CGROUPS));
    },

    start(run) {
      const { runId, timeoutMs } = run;
      const spool = spools.of(runId);
      const startedAt = new Date();
      const ready = armed.get(runId);
      armed.delete(runId);
      if (!ready) fillFolder(run);
      orRefused(() => spool.fill({ startedAt: startedAt.toISOString(), timeoutMs }));
      let launched = ready ?? launch(run);
      if (ready) launcher.wake(runId);
      /** Once the run is being ended, a supervisor that ended for that reason is not started again. */
      let isEnding = false;
      const gone = launched.gone.then((end): LaunchEnd | Promise<LaunchEnd> => {
        // it was killed while it slept; the exclusive creation of `started` ensures that nothing runs twice
        if (!ready || end.hasBegun || isEnding || spool.isStarted()) return end;
        try {
          run.check();
          spool.create();
          launched = launch(run);
          return launched.gone;
        } catch (error) {
          context.warn(`Starting run ${runId} again`, error);
          return end;
        }
      });
      return supervise({
        ...supervisedOf(context, runId),
        startedAt,
        timeoutMs,
        supervisor: () => launched.supervisor,
        gone,
        endedBefore: null,
        onEnding: () => {
          isEnding = true;
        },
      });
    },

    disarm,

    async disarmAll() {
      await Promise.all([...armed.keys()].map(disarm));
    },
  };
}

/** @throws {RunRefusedError} when the work fails */
function orRefused<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new RunRefusedError(`The playbook could not be started: ${messageOf(error)}.`);
  }
}
