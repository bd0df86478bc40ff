import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { RunnerTimings } from '../../timings.ts';
import { createLauncherShell, type LauncherShellOptions } from './launcher-shell.ts';
import {
  findRunProcesses,
  findSupervisor,
  isRunning,
  isSupervising,
  isSupervisor,
  type ProcessId,
  readStat,
  signal,
} from './process-tree.ts';
import type { Spool, Spools } from './spool.ts';

/**
 * Starts supervisors, and learns how each ended without reading its spool folder.
 *
 * A supervisor reports through a pipe and leaves files in the spool folder (see `spool.ts`), so that either
 * side may crash. The server tracks each supervisor that it has launched:
 *
 * | state     | reached when                              | what the server does then                                       |
 * | --------- | ----------------------------------------- | --------------------------------------------------------------- |
 * | launched  | `launch` wrote it to the shell            | searches for its process after `lookMs`; counts it as absent after `startTimeoutMs` |
 * | known     | `RUN ready PID START BOOT`, confirmed by /proc | may signal it                                              |
 * | woken     | `wake`, or `launch` with a request there  | repeats SIGCONT with growing delays until it has begun          |
 * | begun     | `RUN began`                               | counts it as killed if it vanishes without a report             |
 * | told      | `RUN ended CODE`                          | waits until the process is gone: a playbook may write that, too |
 * | gone      | the process is gone, checked twice if it reported nothing | uses the zombie's exit status, or else the reported one |
 *
 * An absent supervisor counts as gone once this server has created the file `started` in its place, or no
 * process carries the run's marker.
 */
export interface Launcher {
  /**
   * Launches a supervisor for the command. It starts the command only once the spool folder contains the
   * request.
   * @param cgroup folder of the run's cgroup; null when it has none
   */
  launch(runId: string, cgroup: string | null, command: Command): Launch;
  /** Wakes a supervisor launched before its request: it starts its command, or ends if there is still no request. */
  wake(runId: string): void;
  /** Ends the shell and all waiting supervisors; running programs continue, but their reports no longer arrive. */
  close(): void;
}

/** How to invoke a program. */
export interface Command {
  /** Working folder; absolute. */
  readonly folder: string;
  /** First line of its output, without a newline; null: only what it prints. */
  readonly notice: string | null;
  /** Variables that add to or override those common to all programs; null: unset. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** The program and its arguments. */
  readonly argv: readonly string[];
}

export interface Launch {
  /** The supervisor, once its identity is certain; null when it ended before that. */
  readonly supervisor: Promise<ProcessId | null>;
  /** Resolves when the supervisor has ended, or certainly never started. */
  readonly gone: Promise<LaunchEnd>;
}

/** How a run ended, as far as is known without the spool folder. */
export interface LaunchEnd {
  /** Whether the program was started. */
  readonly hasBegun: boolean;
  /** Exit status as a shell reports it; null when the supervisor was killed, or the program was not started. */
  readonly code: number | null;
  /** Whether the disk was full at the end, so that its output may be incomplete. */
  readonly wasFull: boolean;
  readonly at: Date;
}

export interface LauncherOptions extends Omit<LauncherShellOptions, 'onLine'> {
  readonly spools: Spools;
  readonly timings: RunnerTimings;
}

interface Launched {
  readonly spool: Spool;
  /** When it was allowed to start; null: it waits. */
  at: number | null;
  supervisor: ProcessId | null;
  hasSpoken: boolean;
  hasBegun: boolean;
  /** What it last reported of its end; null: nothing yet. */
  told: { readonly code: number | null; readonly wasFull: boolean; readonly at: Date } | null;
  isConfirming: boolean;
  /** Whether the previous poll found it ended, or too slow to begin. */
  wasDoubtful: boolean;
  known(supervisor: ProcessId | null): void;
  gone(end: LaunchEnd): void;
}

/** A supervisor woken just before it goes to sleep stays asleep; it is woken again after this time. */
const WAKE_AGAIN_MS = 10;
/** A supervisor ends right after it reports so; if it lives longer than this, someone else wrote the report. */
const CONFIRM_MS = 200;

export function createLauncher(options: LauncherOptions): Launcher {
  const { timings } = options;
  const launched = new Map<string, Launched>();
  const shell = createLauncherShell({ cwd: options.cwd, env: options.env, onLine: hear });
  let looking: NodeJS.Timeout | null = null;
  let hasZombies = false;

  /** Polls only while there is something to watch: an idle server should not wake. */
  function keepLooking(): void {
    looking ??= setInterval(() => {
      if (hasZombies) shell.reap();
      hasZombies = false;
      for (const [id, run] of launched) void look(id, run);
      if (launched.size > 0 || looking === null) return;
      clearInterval(looking);
      looking = null;
    }, timings.lookMs).unref();
  }

  async function look(id: string, run: Launched): Promise<void> {
    try {
      const waited = run.at === null ? 0 : Date.now() - run.at;
      if (!run.supervisor && waited > timings.lookMs) {
        const found = await findSupervisor(id);
        if (found) meet(id, run, found);
        // it was killed before it could be identified
        else if (run.hasSpoken) return await end(id, run);
      }
      // one that has not begun sleeps until it may
      const check = run.hasBegun ? isSupervising : isRunning;
      const isDoubtful = run.supervisor ? !(await check(run.supervisor)) : waited > timings.startTimeoutMs;
      // after a pause of this process or the machine, one look proves nothing
      const isSure = isDoubtful && (run.wasDoubtful || run.told !== null);
      run.wasDoubtful = isDoubtful;
      if (isSure && (run.supervisor || (await isNowhere(id, run)))) await end(id, run);
    } catch {
      // the next poll retries
    }
  }

  /** Whether a supervisor that did not begin, or cannot be identified, is certainly absent. */
  async function isNowhere(id: string, { spool, hasBegun }: Launched): Promise<boolean> {
    if (!hasBegun && spool.exists() && spool.giveUpStart()) return true;
    return (await findRunProcesses(id)).length === 0;
  }

  /**
   * A line from a supervisor, or from a playbook that has found the pipe: it counts only as far as the system
   * confirms it.
   */
  function hear(line: string): void {
    const [id = '', what, first = '', ...more] = line.split(' ');
    const run = launched.get(id);
    if (!run) return;
    run.hasSpoken = true;
    if (what === 'ready') void recognize(id, run, Number(first), more);
    else if (what === 'began') run.hasBegun = true;
    else if (what === 'ended') {
      const code = /^\d{1,3}$/.test(first) ? Number(first) : null;
      run.told = { code, wasFull: more[0] === 'full', at: new Date() };
      void confirmEnd(id, run);
    }
  }

  /** Accepts the first process that proves to be the supervisor of this run. */
  async function recognize(
    id: string,
    run: Launched,
    pid: number,
    [startTime = '', bootId = '']: string[],
  ): Promise<void> {
    const supervisor = { pid, startTime, bootId };
    try {
      if (!(await isSupervisor(supervisor, id))) return;
    } catch {
      // no file can be opened; it is searched for when it is needed
      return;
    }
    meet(id, run, supervisor);
  }

  function meet(id: string, run: Launched, supervisor: ProcessId): void {
    if (run.supervisor) return;
    run.supervisor = supervisor;
    run.known(supervisor);
    // it was allowed to start before it was known
    if (run.at !== null) nudge(id, run, WAKE_AGAIN_MS);
  }

  /** It reports its end, which is believed once the process is gone. */
  async function confirmEnd(id: string, run: Launched): Promise<void> {
    if (run.isConfirming) return;
    run.isConfirming = true;
    try {
      const until = Date.now() + CONFIRM_MS;
      for (let wait = 1; ; wait *= 2) {
        if (!(await isThere(id, run))) return await end(id, run);
        if (Date.now() > until) return;
        await delay(wait, undefined, { ref: false });
      }
    } catch {
      // the next poll retries
    } finally {
      run.isConfirming = false;
    }
  }

  async function isThere(id: string, { supervisor }: Launched): Promise<boolean> {
    // where processes cannot be inspected, its report is all there is
    if (process.platform !== 'linux') return false;
    return supervisor ? isRunning(supervisor) : (await findSupervisor(id)) !== null;
  }

  async function end(id: string, run: Launched): Promise<void> {
    // its last report may still wait in the pipe, which is read before the second turn from here
    for (let turn = 0; turn < 2 && run.told === null; turn += 1) await nextTurn();
    const { supervisor, told, hasBegun } = run;
    // the kernel keeps the exit status until the launcher reaps the process
    const stat = supervisor ? await readStat(supervisor.pid) : null;
    const kept = stat?.state === 'Z' && stat.startTime === supervisor?.startTime ? stat.waitStatus : null;
    if (launched.get(id) !== run) return;
    launched.delete(id);
    hasZombies = true;
    const code = !hasBegun
      ? null
      : kept === null
        ? (told?.code ?? null)
        : (kept & 0x7f) === 0
          ? kept >> 8
          : null;
    run.known(supervisor);
    run.gone({ hasBegun, code, wasFull: told?.wasFull ?? false, at: told?.at ?? new Date() });
  }

  /** Repeats SIGCONT until it has begun: a signal that arrives before it stops is lost. */
  function nudge(id: string, run: Launched, afterMs: number): void {
    if (launched.get(id) !== run || run.hasBegun || !run.supervisor) return;
    try {
      signal(run.supervisor, 'SIGCONT');
    } catch {
      // the next one retries
    }
    setTimeout(() => nudge(id, run, afterMs * 2), afterMs).unref();
  }

  return {
    launch(runId, cgroup, command) {
      const words = wordsOf(command);
      const spool = options.spools.of(runId);
      // with two supervisors of one folder, the end of the first would be taken for that of the second
      if (launched.has(runId)) throw new Error(`Run ${runId} has a supervisor that has not ended.`);
      const at = spool.isFilled() ? Date.now() : null;
      shell.launch([spool.path, runId, spool.outputPathForOthers(), cgroup ?? '', words.length, ...words]);
      let known: Launched['known'] = () => undefined;
      let gone: Launched['gone'] = () => undefined;
      const launch: Launch = {
        supervisor: new Promise((resolve) => {
          known = resolve;
        }),
        gone: new Promise((resolve) => {
          gone = resolve;
        }),
      };
      launched.set(runId, {
        spool,
        at,
        supervisor: null,
        hasSpoken: false,
        hasBegun: false,
        told: null,
        isConfirming: false,
        wasDoubtful: false,
        known,
        gone,
      });
      keepLooking();
      return launch;
    },

    wake(runId) {
      const run = launched.get(runId);
      if (!run) return;
      run.at = Date.now();
      nudge(runId, run, WAKE_AGAIN_MS);
    },

    close() {
      if (looking) clearInterval(looking);
      shell.close();
    },
  };
}

/** A command in the input format of supervisor.sh, one word a line. */
function wordsOf({ folder, notice, environment, argv }: Command): string[] {
  const variables = Object.entries(environment).map(([name, value]) =>
    value === null ? name : `${name}=${value}`,
  );
  const words = [folder, notice ?? '', ...variables, '--', ...argv];
  if (words.some((word) => word.includes('\n')))
    throw new Error('a path, a variable or an argument holds a line feed');
  return words;
}
