import { spawn } from 'node:child_process';
import { ROOT, SetupError, say } from './setup-error.mjs';

const HEARTBEAT_MS = 5_000;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * Runs a program and shows that something happens: a line at the beginning, one every few seconds, one at the end.
 * `explain` turns what the program printed into a sentence that says what to do; null when it cannot.
 */
export async function runStep(title, program, args, { env = process.env, explain = () => null } = {}) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1_000);
  say(`${title} …`);
  const heartbeat = setInterval(() => say(`  … ${seconds()} s`), HEARTBEAT_MS);
  try {
    const { code, output } = await run(program, args, env);
    if (code !== 0) {
      const end = output.trim().slice(-4_000);
      throw new SetupError(explain(output) ?? `${title} failed (${program} ended with ${code}):\n${end}`);
    }
    say(`  done in ${seconds()} s`);
  } finally {
    clearInterval(heartbeat);
  }
}

/** The exit code (127: there is no such program) and all that was printed. */
export async function run(program, args, env = process.env) {
  let child;
  // before it begins: it may be quicker than the next line here
  const stops = Object.entries(SIGNALS).map(([signal, code]) => {
    const stop = () => {
      stopGroup(child);
      process.exit(code);
    };
    process.on(signal, stop);
    return () => process.off(signal, stop);
  });
  // in a process group of its own, so that a set-up that is stopped leaves nothing behind that goes on writing
  child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  try {
    return await new Promise((resolve) => {
      let output = '';
      const collect = (chunk) => {
        output += chunk;
      };
      child.stdout.setEncoding('utf8').on('data', collect);
      child.stderr.setEncoding('utf8').on('data', collect);
      child.on('error', (error) => resolve({ code: 127, output: String(error) }));
      child.on('close', (code) => resolve({ code: code ?? 1, output }));
    });
  } finally {
    for (const forget of stops) forget();
  }
}

function stopGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}
