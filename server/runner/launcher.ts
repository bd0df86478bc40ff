import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { isRunning } from './process-tree.ts';
import { type Spool, type SupervisorId, spoolOf } from './spool.ts';

/**
 * Starts supervisors through a small shell, `launcher.sh`: a spawn forks the process that calls it, and to fork the server
 * holds it up for milliseconds, a shell for a tenth of one.
 */
export interface Launcher {
  /**
   * Has the command run under a supervisor. Resolves when the supervisor has ended, or certainly never started.
   * @param words the program and its arguments
   */
  launch(runId: string, words: readonly string[]): Promise<void>;
  /** Ends the shell; what it started goes on, and is no longer heard of. */
  close(): void;
}

export interface LauncherOptions {
  readonly runsDir: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Launched {
  readonly spool: Spool;
  readonly at: number;
  supervisor: SupervisorId | null;
  gone(): void;
}

const LAUNCHER = fileURLToPath(new URL('./launcher.sh', import.meta.url));
const SUPERVISOR = fileURLToPath(new URL('./supervisor.sh', import.meta.url));
/** How often it is looked whether supervisors were killed, which cannot tell their end. */
const LOOK_MS = 1_000;
/** How long a supervisor may take to begin. */
const START_TIMEOUT_MS = 10_000;

export function createLauncher(options: LauncherOptions): Launcher {
  const launched = new Map<string, Launched>();
  let shell: ChildProcessByStdio<Writable, Readable, null> | null = null;
  let hasZombies = false;

  const looking = setInterval(() => {
    if (hasZombies) shell?.stdin.write('\n');
    hasZombies = false;
    for (const [id, run] of launched) void look(id, run);
  }, LOOK_MS);
  looking.unref();

  async function look(id: string, run: Launched): Promise<void> {
    try {
      run.supervisor ??= run.spool.readSupervisor();
      const isGone = run.supervisor
        ? !(await isRunning(run.supervisor))
        : Date.now() - run.at > START_TIMEOUT_MS && (await run.spool.giveUpStart());
      if (isGone) end(id);
    } catch {
      // it is looked again
    }
  }

  function end(id: string): void {
    const run = launched.get(id);
    launched.delete(id);
    run?.gone();
  }

  function openShell(): ChildProcessByStdio<Writable, Readable, null> {
    const child = spawn('/bin/sh', [LAUNCHER, SUPERVISOR], {
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
      return new Promise((resolve) => {
        launched.set(runId, { spool, at: Date.now(), supervisor: null, gone: resolve });
        shell ??= openShell();
        shell.stdin.write(`${[spool.path, runId, words.length, ...words].join('\n')}\n`);
      });
    },

    close() {
      clearInterval(looking);
      shell?.stdin.end();
      shell?.stdout.destroy();
      shell = null;
    },
  };
}
