import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { memoryOf } from './processes.ts';
import { waitUntil } from './wait-until.ts';
import type { TestServer } from './with-server.ts';

/** What an attack did to the server while it went on. */
export interface Damage {
  /** For so long its event loop did nothing else, in milliseconds of its main thread's time on a processor. */
  readonly stallMs: number;
  /** How much its memory grew at most, in MB. */
  readonly growthMb: number;
}

/** Environment for a server whose damage is to be measured. @param folder where the meter writes */
export function meterEnv(folder: string): Record<string, string> {
  const meter = new URL('../fixtures/stall-meter.mjs', import.meta.url).pathname;
  return { NODE_OPTIONS: `--import=${meter}`, STALL_FILE: join(folder, 'stall.json') };
}

export async function damageOf(
  { server }: TestServer,
  folder: string,
  attack: () => Promise<unknown>,
): Promise<Damage> {
  await readStall(server.pid, folder);
  const before = memoryOf(server.pid).now;
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, memoryOf(server.pid).now);
  }, 20);
  try {
    await attack();
  } finally {
    clearInterval(watching);
  }
  most = Math.max(most, memoryOf(server.pid).now);
  return { stallMs: await readStall(server.pid, folder), growthMb: most - before };
}

async function readStall(pid: number, folder: string): Promise<number> {
  const file = join(folder, 'stall.json');
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const text = await waitUntil(() => existsSync(file) && readFileSync(file, 'utf8'), { withinMs: 60_000 });
  return (JSON.parse(text) as { longestMs: number }).longestMs;
}
