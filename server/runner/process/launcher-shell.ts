import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/**
 * The small shell that forks supervisors, `launcher.sh`: a spawn forks the process that calls it, and to fork the server holds
 * it up for milliseconds, a shell for a tenth of one.
 */
export interface LauncherShell {
  /**
   * Has it start a supervisor; starts the shell itself where there is none, or none any more.
   * @param lines as launcher.sh reads them
   */
  launch(lines: readonly (string | number)[]): void;
  /** Has it take note of the supervisors that have ended, which would else stay as zombies. */
  reap(): void;
  /** Ends it and all supervisors that wait. What was started goes on, and is no longer heard of. */
  close(): void;
}

export interface LauncherShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** A line that a supervisor has written, or a program that has found the pipe. */
  onLine(line: string): void;
}

type Shell = ChildProcessByStdio<Writable, Readable, null>;

const LAUNCHER = fileURLToPath(new URL('./launcher.sh', import.meta.url));
const SUPERVISOR = fileURLToPath(new URL('./supervisor.sh', import.meta.url));
/** What a supervisor says is shorter. */
const MAX_LINE = 512;

export function createLauncherShell({ cwd, env, onLine }: LauncherShellOptions): LauncherShell {
  let shell: Shell | null = null;

  function open(): Shell {
    const child = spawn('/bin/sh', [LAUNCHER, SUPERVISOR], {
      cwd,
      env,
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
