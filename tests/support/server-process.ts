import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A Sible in a process of its own, to be killed and started again on the same data. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** What it wrote, for messages of failed tests. */
  output(): string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGSTOP: it does not notice that time passes. */
  pause(): void;
  resume(): void;
}

const ROOT = new URL('../..', import.meta.url).pathname;

/** What `npm start` runs; `build-server.ts` has built it. */
export const SERVER_ENTRY = join(ROOT, 'dist/server/main.js');

/** For a profile: SERVER_NODE_ARGS="--cpu-prof --cpu-prof-dir=/tmp/profile" npm run bench -- creates */
const NODE_ARGS = process.env.SERVER_NODE_ARGS?.split(' ') ?? [];

/** Starts the server; resolves when it listens, rejects with its output when it ends before. */
export async function startServerProcess(
  dataDir: string,
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const child: ChildProcess = spawn(process.execPath, [...NODE_ARGS, SERVER_ENTRY], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/',
      SIBLE_DATA_DIR: dataDir,
      SIBLE_PORT: '0',
      SIBLE_TIMEZONE: 'UTC',
      SIBLE_LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  const exited = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      output += chunk;
      const found = /running: (http:\S+)/.exec(output)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}:\n${output}`)));
  });
  return {
    url,
    pid: child.pid ?? 0,
    output: () => output,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
  };
}
