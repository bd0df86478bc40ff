import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { OF_NO_RUN } from './process-tree.ts';

/**
 * The small shell that forks supervisors, `launcher.sh`: spawning forks the calling process, which blocks the
 * server for milliseconds, a shell for a tenth of one.
 */
export interface LauncherShell {
  /**
   * Makes it start a supervisor; starts the shell itself if it is not running.
   * @param lines in the input format of launcher.sh
   */
  launch(lines: readonly (string | number)[]): void;
  /** Makes it reap supervisors that have ended, which would otherwise stay zombies. */
  reap(): void;
  /** Ends it and all waiting supervisors. Running programs continue, but their reports no longer arrive. */
  close(): void;
}

export interface LauncherShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** A line written by a supervisor, or by a program that has found the pipe. */
  onLine(line: string): void;
}

type Shell = ChildProcessByStdio<Writable, Readable, null>;

const LAUNCHER = fileURLToPath(new URL('./launcher.sh', import.meta.url));
const SUPERVISOR = fileURLToPath(new URL('./supervisor.sh', import.meta.url));
/** Longer than anything a supervisor reports. */
const MAX_LINE = 512;

export function createLauncherShell({ cwd, env, onLine }: LauncherShellOptions): LauncherShell {
  let shell: Shell | null = null;

  function open(): Shell {
    const child = spawn('/bin/sh', [LAUNCHER, SUPERVISOR], {
      cwd,
      // it outlives the server for some seconds
      env: { ...env, ...OF_NO_RUN },
      // its own session, so that closing the server's terminal does not end it
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const forget = () => {
      if (shell === child) shell = null;
    };
    child.on('error', forget).on('exit', forget);
    // Node gives no stdin when it cannot open files for the pipes
    if (!child.stdin) throw new Error('no more files can be opened (EMFILE)');
    child.stdin.on('error', forget);
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = (lines.pop() ?? '').slice(0, MAX_LINE);
      for (const line of lines) onLine(line);
    });
    child.unref();
    return child;
  }

  return {
    launch(lines) {
      shell ??= open();
      shell.stdin.write(`${lines.join('\n')}\n`);
    },

    reap() {
      shell?.stdin.write('\n');
    },

    close() {
      shell?.stdin.end();
      shell?.stdout.destroy();
      shell = null;
    },
  };
}
