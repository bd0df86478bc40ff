import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { TIMINGS, type Timings } from '../../server/timings.ts';

/** A Sible in a process of its own, to be killed and started again on the same data. */
export interface ServerProcess {
  readonly url: string;
  /** The printed address, which may carry the key after "#". */
  readonly address: string;
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

/** What `npm start` runs, with `sh`; `build-server.ts` has built it. */
export const SERVER_ENTRY = join(ROOT, 'dist/server/start.sh');

/** Runs the built server as `main.js` does, with timings of the test's. */
const TIMED_ENTRY = new URL('./server-entry.mjs', import.meta.url).pathname;

/** For a profile: SERVER_NODE_ARGS="--cpu-prof --cpu-prof-dir=/tmp/profile" npm run bench -- creates */
const NODE_ARGS = process.env.SERVER_NODE_ARGS?.split(' ') ?? [];

/** A server that asks for no key, unless it is given one or the tests are about the key (SIBLE_OPEN: ''). */
export function openUnlessKeyed(env: Record<string, string>): Record<string, string> {
  const isKeyed = env.SIBLE_ADMIN_TOKEN !== undefined || env.SIBLE_ADMIN_TOKEN_FILE !== undefined;
  return isKeyed ? env : { SIBLE_OPEN: '1', ...env };
}

/**
 * Starts the server; resolves when it listens, rejects with its output when it ends before.
 * @param launcher a command that becomes the one that follows, to start it as another user
 * @param timings what it waits; what it does in earnest when left out
 */
export async function startServerProcess(
  dataDir: string,
  env: Record<string, string> = {},
  launcher: readonly string[] = [],
  timings: Timings = TIMINGS,
): Promise<ServerProcess> {
  const timed = timings === TIMINGS ? [] : [TIMED_ENTRY, JSON.stringify(timings)];
  const [program, ...args] = [...launcher, 'sh', SERVER_ENTRY, ...NODE_ARGS, ...timed] as [
    string,
    ...string[],
  ];
  const child: ChildProcess = spawn(program, args, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/',
      SIBLE_DATA_DIR: dataDir,
      SIBLE_PORT: '0',
      SIBLE_TIMEZONE: 'UTC',
      SIBLE_LOG_LEVEL: 'warn',
      ...openUnlessKeyed(env),
    },
    stdio: [timed.length > 0 ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  const exited = once(child, 'exit');
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk) => {
      output += chunk;
      const found = /running: (http:\S+)\n/.exec(output)?.[1];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}:\n${output}`)));
  });
  return {
    url: new URL(address).origin,
    address,
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
