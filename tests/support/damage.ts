import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TIMINGS } from '../../server/timings.ts';
import { ATTACKS_TOKEN, type Attack } from './attacks/attack.ts';
import { memoryOf } from './processes.ts';
import { SQLITE } from './storages.ts';
import { makeTempDir } from './temp-dir.ts';
import { waitUntil } from './wait-until.ts';
import { type TestServer, withServer } from './with-server.ts';

/** What an attack did to the server while it went on. */
export interface Damage {
  /** For so long its event loop did nothing else, in milliseconds of its main thread's time on a processor. */
  readonly stallMs: number;
  /** How much its memory grew at most, in MB. */
  readonly growthMb: number;
}

/** A server whose damage can be measured. */
export type Measured = TestServer & {
  measure(attack: () => Promise<unknown>): Promise<Damage>;
  /** How much more memory it has than before the first attack, in MB. */
  grownMb(): number;
};

/** For as long as `work` goes on. */
export async function withMeter(
  work: (test: Measured) => Promise<void>,
  playbooks: Readonly<Record<string, string>> = {},
): Promise<void> {
  const folder = await makeTempDir();
  const meter = new URL('../fixtures/stall-meter.mjs', import.meta.url).pathname;
  try {
    await withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        // what is measured is what runs in earnest
        timings: TIMINGS,
        playbooks: { 'hello.yaml': '- hosts: localhost\n', ...playbooks },
        env: {
          SIBLE_ADMIN_TOKEN: ATTACKS_TOKEN,
          NODE_OPTIONS: `--import=${meter}`,
          STALL_FILE: join(folder.path, STALL_FILE),
        },
      },
      async (test) => {
        const measure = (attack: () => Promise<unknown>) => damageOf(test, folder.path, attack);
        // what the first request takes of time and memory is not the attack's
        await test.api.request('{ system { version } }');
        const { pid } = test.server;
        const before = memoryOf(pid).now;
        const grownMb = () => memoryOf(pid).now - before;
        await work(
          Object.create(test, { measure: { value: measure }, grownMb: { value: grownMb } }) as Measured,
        );
      },
    );
  } finally {
    await folder.remove();
  }
}

/** What one step did, and the length of what its client was told. */
export interface StepDamage extends Damage {
  readonly title: string;
  readonly toldLength: number;
}

/** One step after the other, on one server. */
export async function damageOfSteps(attack: Attack, test: Measured): Promise<StepDamage[]> {
  const steps: StepDamage[] = [];
  for (const { title, run } of attack.steps) {
    let toldLength = 0;
    const damage = await test.measure(async () => {
      toldLength = (await run(test)).length;
    });
    steps.push({ title, toldLength, ...damage });
  }
  return steps;
}

const STALL_FILE = 'stall.json';

async function damageOf(
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
  const file = join(folder, STALL_FILE);
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const text = await waitUntil(() => existsSync(file) && readFileSync(file, 'utf8'), { withinMs: 60_000 });
  return (JSON.parse(text) as { longestMs: number }).longestMs;
}
