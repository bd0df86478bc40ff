import { readdirSync, readFileSync } from 'node:fs';

/** Ids of all processes that carry the id of this run in their environment, zombies left out. @param runId as the API gives it */
export function processesOf(runId: string): number[] {
  // the API wraps the run's own id, which its processes carry
  const own = Buffer.from(runId, 'base64').toString('utf8').replace(/^Run:/, '');
  return processIds().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`SIBLE_RUN_ID=${own}\0`);
    } catch {
      return false;
    }
  });
}

/** Kills all of them that have not ended meanwhile. */
export function killRun(runId: string): void {
  for (const pid of processesOf(runId)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

export function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Memory of a process, in MB: what it holds now and the most that it held. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1_024;
  return { now: mb('VmRSS'), peak: mb('VmHWM') };
}
