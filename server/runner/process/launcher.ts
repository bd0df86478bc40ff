import { setTimeout as delay } from 'node:timers/promises';
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
 * Starts supervisors, and knows how each ended without reading its spool folder.
 *
 * A supervisor reports through a pipe and leaves files in the spool folder (see `spool.ts`), so that either end may crash.
 * What the server knows of one that it has launched:
 *
 * | state     | reached when                              | what the server does then                                       |
 * | --------- | ----------------------------------------- | --------------------------------------------------------------- |
 * | launched  | `launch` wrote it to the shell            | after `lookMs` looks for its process; after `startTimeoutMs` it counts as absent  |
 * | known     | `RUN ready PID START BOOT`, and /proc agrees | may signal it                                                 |
 * | woken     | `wake`, or `launch` with a request there  | SIGCONT again, less and less often, until it has begun          |
 * | begun     | `RUN began`                               | a supervisor that is gone without a word was killed             |
 * | told      | `RUN ended CODE`                          | waits until the process is gone: a playbook may write that, too |
 * | gone      | the process is gone, twice looked at if it said nothing | the kernel's exit status of the zombie, else the one told |
 *
 * A supervisor that is absent counts as gone once this server has made the file `started` in its place, or no process carries
 * the run's marker.
 */
export interface Launcher {
  /**
   * Launches a supervisor for the command. It starts the command when it finds the spool folder's request, and not before.
   * @param cgroup folder of the run's own; null when it has none
   */
  launch(runId: string, cgroup: string | null, command: Command): Launch;
  /** Wakes a supervisor that was launched before there was a request: it starts its command, or ends if there is none yet. */
  wake(runId: string): void;
  /** Ends the shell and all that wait; what it started goes on, and is no longer heard of. */
  close(): void;
}

/** How a program is called. */
export interface Command {
  /** Where it is started; absolute. */
  readonly folder: string;
  /** What its output begins with, without a newline; null: nothing but what it prints. */
  readonly notice: string | null;
  /** Variables beside those that all programs have, or instead of them; null: nothing of this name. */
  readonly environment: Readonly<Record<string, string | null>>;
  /** The program and its arguments. */
  readonly argv: readonly string[];
}

export interface Launch {
  /** The supervisor, once it is known for sure; null when it ended before that. */
  readonly supervisor: Promise<ProcessId | null>;
  /** Resolves when the supervisor has ended, or certainly never started. */
  readonly gone: Promise<LaunchEnd>;
}

/** What is known of an end without the spool folder. */
export interface LaunchEnd {
  /** Whether the program was started. */
  readonly hasBegun: boolean;
  /** Exit status as a shell gives it; null when the supervisor was killed, or the program was not started. */
  readonly code: number | null;
  /** Whether the disk was full when it ended: then what it printed may not all be there. */
  readonly wasFull: boolean;
  readonly at: Date;
}

export interface LauncherOptions extends Omit<LauncherShellOptions, 'onLine'> {
  readonly spools: Spools;
  readonly timings: RunnerTimings;
}

interface Launched {
  readonly spool: Spool;
  /** Since when it may start; null: it waits. */
  at: number | null;
  supervisor: ProcessId | null;
  hasSpoken: boolean;
  hasBegun: boolean;
  /** What it last said of its end; null while it said nothing. */
  told: { readonly code: number | null; readonly wasFull: boolean; readonly at: Date } | null;
  isConfirming: boolean;
  /** Whether the previous look found it ended, or too slow to begin. */
  wasDoubtful: boolean;
  known(supervisor: ProcessId | null): void;
  gone(end: LaunchEnd): void;
}

/** A supervisor that was just about to go to sleep when it was woken sleeps; so long after, it is woken again. */
const WAKE_AGAIN_MS = 10;
/** A supervisor ends right after it has said so; when it has not by then, somebody else has said it. */
const CONFIRM_MS = 200;

export function createLauncher(options: LauncherOptions): Launcher {
  const { timings } = options;
  const launched = new Map<string, Launched>();
  const shell = createLauncherShell({ cwd: options.cwd, env: options.env, onLine: hear });
  let looking: NodeJS.Timeout | null = null;
  let hasZombies = false;

  /** Only while there is something to look for: an idle server should not wake. */
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
        // it was killed before it could be looked at
        else if (run.hasSpoken) return await end(id, run);
      }
      // one that has not begun sleeps until it may
      const check = run.hasBegun ? isSupervising : isRunning;
      const isDoubtful = run.supervisor ? !(await check(run.supervisor)) : waited > timings.startTimeoutMs;
      // after a pause of this process or the machine, its last words may still wait in the pipe
      const isSure = isDoubtful && (run.wasDoubtful || run.told !== null);
      run.wasDoubtful = isDoubtful;
      if (isSure && (run.supervisor || (await isNowhere(id, run)))) await end(id, run);
    } catch {
      // it is looked again
    }
  }

  /** A supervisor nothing is known about: it did not begin, or cannot be identified. */
  async function isNowhere(id: string, { spool, hasBegun }: Launched): Promise<boolean> {
    if (!hasBegun && spool.exists() && spool.giveUpStart()) return true;
    return (await findRunProcesses(id)).length === 0;
  }

  /**
   * A line of a supervisor, or of a playbook that has found the pipe: it counts only as far as the system bears it out.
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

  /** The first that is a supervisor of this run is it. */
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
      // no file can be opened; it is found when it is needed
      return;
    }
    meet(id, run, supervisor);
  }

  function meet(id: string, run: Launched, supervisor: ProcessId): void {
    if (run.supervisor) return;
    run.supervisor = supervisor;
    run.known(supervisor);
    // it was told to start before it was known
    if (run.at !== null) nudge(id, run, WAKE_AGAIN_MS);
  }

  /** It says that it has ended: believed once it has. */
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
      // it is looked again
    } finally {
      run.isConfirming = false;
    }
  }

  async function isThere(id: string, { supervisor }: Launched): Promise<boolean> {
    // where processes cannot be looked at, its word is all there is
    if (process.platform !== 'linux') return false;
    return supervisor ? isRunning(supervisor) : (await findSupervisor(id)) !== null;
  }

  async function end(id: string, run: Launched): Promise<void> {
    const { supervisor, told, hasBegun } = run;
    // the kernel keeps how it ended until the launcher has taken note of that
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

  /** Until it has begun: a signal to continue that comes before it stops is lost. */
  function nudge(id: string, run: Launched, afterMs: number): void {
    if (launched.get(id) !== run || run.hasBegun || !run.supervisor) return;
    try {
      signal(run.supervisor, 'SIGCONT');
    } catch {
      // it is woken again
    }
    setTimeout(() => nudge(id, run, afterMs * 2), afterMs).unref();
  }

  return {
    launch(runId, cgroup, command) {
      const words = wordsOf(command);
      const spool = options.spools.of(runId);
      // two supervisors of one folder: the end of the first would be taken for that of the second
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

/** A command as supervisor.sh takes it; one word a line. */
function wordsOf({ folder, notice, environment, argv }: Command): string[] {
  const variables = Object.entries(environment).map(([name, value]) =>
    value === null ? name : `${name}=${value}`,
  );
  const words = [folder, notice ?? '', ...variables, '--', ...argv];
  if (words.some((word) => word.includes('\n')))
    throw new Error('a path, a variable or an argument holds a line feed');
  return words;
}
