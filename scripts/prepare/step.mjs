import { spawn } from 'node:child_process';
import { ROOT, SetupError, say } from './setup-lock.mjs';

const HEARTBEAT_MS = 5_000;

/**
 * Runs a program and shows that something happens: one line at the beginning, one every few seconds, one at the end.
 * @param explain turns what the program printed into a sentence that says what to do; null when it cannot
 * @returns what it printed
 */
export async function runStep(title, program, args, { env = process.env, explain = () => null } = {}) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1_000);
  say(`${title} …`);
  const heartbeat = setInterval(() => say(`  … ${seconds()} s`), HEARTBEAT_MS);
  try {
    const { code, output } = await run(program, args, env);
    if (code !== 0) {
      throw new SetupError(
        explain(output) ?? `${title} failed (${program} ended with ${code}):\n${output.slice(-4_000)}`,
      );
    }
    say(`  done in ${seconds()} s`);
    return output;
  } finally {
    clearInterval(heartbeat);
  }
}

/** @returns the exit code (127: there is no such program) and what it printed */
export function run(program, args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      output += chunk;
    });
    child.on('error', (error) => resolve({ code: 127, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
