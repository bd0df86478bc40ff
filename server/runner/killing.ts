import { setTimeout as delay } from 'node:timers/promises';
import { findRunProcesses, signal } from './process-tree.ts';

/** Between two looks while killing. */
const LOOK_MS = 20;
/** After so many rounds of SIGKILL what is left cannot be killed (it waits in the kernel, or is another user's). */
const MAX_KILL_ROUNDS = 100;

/** SIGKILL to all that carry the run's marker, until two looks in a row find nothing: a process may fork while it is looked for. */
export async function killAll(runId: string, onStep: (step: string) => void): Promise<void> {
  let killed = 0;
  let emptyLooks = 0;
  for (let round = 0; emptyLooks < 2 && round < MAX_KILL_ROUNDS; round += 1) {
    const pids = await findRunProcesses(runId);
    for (const pid of pids) signal(pid, 'SIGKILL');
    killed += round === 0 ? pids.length : 0;
    emptyLooks = pids.length === 0 ? emptyLooks + 1 : 0;
    if (pids.length > 0) await delay(LOOK_MS);
  }
  if (killed > 0) onStep(`SIGKILL to ${killed} processes that were left`);
}
