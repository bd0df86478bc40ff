import { setTimeout as delay } from 'node:timers/promises';
import type { Cgroup } from './cgroup.ts';
import type { Descendants } from './descendants.ts';
import { findRunProcesses, signal } from './process-tree.ts';

/** Interval between polls while killing. */
const LOOK_MS = 20;
/**
 * A process that survives this many SIGKILLs cannot be killed: it blocks in the kernel, or belongs to another
 * user.
 */
const MAX_KILL_ROUNDS = 100;

/**
 * SIGKILLs everything that is in the run's cgroup, carries its marker or descends from such a process, until
 * two scans in a row find nothing: a process may fork during a scan.
 */
export async function killAll(
  runId: string,
  cgroup: Cgroup | null,
  descendants: Descendants | null,
  onStep: (step: string) => void,
): Promise<void> {
  let killed = (await cgroup?.kill()) ?? 0;
  let emptyLooks = 0;
  for (let round = 0; emptyLooks < 2 && round < MAX_KILL_ROUNDS; round += 1) {
    const found = descendants ? await descendants.look(true) : await findRunProcesses(runId);
    for (const process of found) signal(process, 'SIGKILL');
    killed += round === 0 ? found.length : 0;
    emptyLooks = found.length === 0 ? emptyLooks + 1 : 0;
    if (found.length > 0) await delay(LOOK_MS);
  }
  if (killed > 0) onStep(`SIGKILL to ${killed} processes that were left`);
}
