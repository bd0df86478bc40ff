import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { findRunProcesses, isRunning, signal } from './process-tree.ts';
import { type Spool, type SupervisorId, spoolOf } from './spool.ts';

/**
 * Starts supervisors through a small shell, `launcher.sh`: a spawn forks the process that calls it, and to fork the server
 * holds it up for milliseconds, a shell for a tenth of one.
 */
export interface Launcher {
  /**
   * Has a supervisor made ready for the command. It starts the command when it finds the spool folder's request, and not
   * before. Resolves when it has ended, or certainly never started.
   * @param words the program and its arguments
   */
  launch(runId: string, words: readonly string[]): Promise<void>;
  /** Wakes a supervisor that was launched before there was a request: it starts its command, or ends if there is none yet. */
  wake(runId: string): void;
  /** Ends the shell and all that wait; what it started goes on, and is no longer heard of. */
  close(): void;
}

export interface LauncherOptions {
  readonly runsDir: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Launched {
  readonly spool: Spool;
  /** Since when it may start; null: it waits. */
  at: number | null;
  supervisor: SupervisorId | null;
  gone(): void;
}

const LAUNCHER = fileURLToPath(new URL('./launcher.sh', import.meta.url));
const SUPERVISOR = fileURLToPath(new URL('./supervisor.sh', import.meta.url));
/** How often it is looked whether supervisors were killed, which cannot tell their end. */
const LOOK_MS = 1_000;
/** How long a supervisor may take to begin. */
const START_TIMEOUT_MS = 10_000;
/** A supervisor that was just about to go to sleep when it was woken sleeps; so long after, it is woken again. */
const WAKE_AGAIN_MS = 10;

export function createLauncher(options: LauncherOptions): Launcher {
  const launched = new Map<string, Launched>();
  let shell: ChildProcessByStdio<Writable, Readable, null> | null = null;
  let looking: NodeJS.Timeout | null = null;
  let hasZombies = false;

  /** Only while there is something to look for: an idle server should not wake. */
  function keepLooking(): void {
    looking ??= setInterval(() => {
      if (hasZombies) shell?.stdin.write('\n');
      hasZombies = false;
      for (const [id, run] of launched) void look(id, run);
      if (launched.size > 0 || looking === null) return;
      clearInterval(looking);
      looking = null;
    }, LOOK_MS).unref();
  }

  async function look(id: string, run: Launched): Promise<void> {
    try {
      run.supervisor ??= run.spool.readSupervisor();
      const isLate = run.at !== null && Date.now() - run.at > START_TIMEOUT_MS;
      const isGone = run.supervisor
        ? !(await isRunning(run.supervisor))
        : isLate && (await isNowhere(id, run.spool));
      if (isGone) end(id);
    } catch {
      // it is looked again
    }
  }

  /** A supervisor of which nothing is known: it did not begin, or what it wrote is gone. */
  async function isNowhere(id: string, spool: Spool): Promise<boolean> {
    if ((await spool.exists()) && (await spool.giveUpStart())) return true;
    return (await findRunProcesses(id)).length === 0;
  }

  function end(id: string): void {
    const run = launched.get(id);
    launched.delete(id);
    run?.gone();
  }

  /** Until it has begun: a signal to continue that comes before it stops is lost. */
  function nudge(id: string, run: Launched, afterMs: number): void {
    try {
      wakeSupervisor(run.spool);
    } catch {
      // it is woken again
    }
    setTimeout(() => {
      if (launched.get(id) === run && !run.spool.isStarted()) nudge(id, run, afterMs * 2);
    }, afterMs).unref();
  }

  function openShell(): ChildProcessByStdio<Writable, Readable, null> {
    const child = spawn('/bin/sh', [LAUNCHER, SUPERVISOR, options.runsDir], {
      cwd: options.cwd,
      env: options.env,
      // a session of its own: what ends the server's terminal does not end it
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const forget = () => {
      if (shell === child) shell = null;
    };
    child.on('error', forget).on('exit', forget);
    // what Node gives when there are no files left for the pipes
    if (!child.stdin) throw new Error('no more files can be opened (EMFILE)');
    child.stdin.on('error', forget);
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      hasZombies = true;
      for (const id of lines) end(id);
    });
    child.unref();
    return child;
  }

  return {
    launch(runId, words) {
      const spool = spoolOf(options.runsDir, runId);
      // two supervisors of one folder: the end of the first would be taken for that of the second
      if (launched.has(runId)) throw new Error(`Run ${runId} has a supervisor that has not ended.`);
      const at = spool.readRequest() === null ? null : Date.now();
      const opened = shell ?? openShell();
      shell = opened;
      return new Promise((resolve) => {
        launched.set(runId, { spool, at, supervisor: null, gone: resolve });
        opened.stdin.write(`${[spool.path, runId, words.length, ...words].join('\n')}\n`);
        keepLooking();
      });
    },

    wake(runId) {
      const run = launched.get(runId);
      if (!run) return;
      run.at = Date.now();
      nudge(runId, run, WAKE_AGAIN_MS);
    },

    close() {
      if (looking) clearInterval(looking);
      shell?.stdin.end();
      shell?.stdout.destroy();
      shell = null;
    },
  };
}

/** Wakes the supervisor of a spool folder, if there is one. */
export function wakeSupervisor(spool: Spool): void {
  const supervisor = spool.readSupervisor();
  if (supervisor) signal(supervisor.pid, 'SIGCONT');
}
