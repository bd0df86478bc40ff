import { readdir, readFile } from 'node:fs/promises';
import { codeOf } from '../domain/caught.ts';
import type { SupervisorId } from './spool.ts';

/** Every process of a run has this in its environment, whatever session or parent it has by now. */
export const RUN_MARKER = 'SIBLE_RUN_ID';

const LEFT = new Set(['ESRCH', 'EPERM']);
const GONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/** Whether the very process is still there, and not another one with the same id. */
export async function isRunning(id: SupervisorId): Promise<boolean> {
  if (process.platform !== 'linux') return canSignal(id.pid);
  const [stat, bootId] = await Promise.all([readStat(id.pid), readBootId()]);
  return stat !== null && stat.state !== 'Z' && stat.startTime === id.startTime && bootId === id.bootId;
}

export async function readBootId(): Promise<string> {
  return ((await readProc('/proc/sys/kernel/random/boot_id'))?.toString() ?? '').trim();
}

/**
 * Ids of the processes of a run that live: those that carry its marker, and all that descend from them
 * (a program run by another user hides or drops its environment). On systems without /proc none are found.
 */
export async function findRunProcesses(runId: string): Promise<number[]> {
  const marker = Buffer.from(`${RUN_MARKER}=${runId}\0`);
  const parents = new Map<number, number>();
  const found = new Set<number>();
  const names = await readdir('/proc').catch(nullIfGone);
  await Promise.all(
    (names ?? [])
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const pid = Number(name);
        const stat = await readStat(pid);
        if (stat === null || stat.state === 'Z' || pid === process.pid) return;
        parents.set(pid, stat.parent);
        const environ = await readProc(`/proc/${pid}/environ`);
        if (environ && hasEntry(environ, marker)) found.add(pid);
      }),
  );
  for (let grew = true; grew; ) {
    grew = false;
    for (const [pid, parent] of parents) {
      if (found.has(parent) && !found.has(pid)) {
        found.add(pid);
        grew = true;
      }
    }
  }
  return [...found];
}

/** Sends a signal; a process that has ended already, or is another user's, is left. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!LEFT.has(codeOf(error) ?? '')) throw error;
  }
}

/** Whether `entry` stands in a NUL-separated list as a whole. */
function hasEntry(list: Buffer, entry: Buffer): boolean {
  for (let at = list.indexOf(entry); at !== -1; at = list.indexOf(entry, at + 1)) {
    if (at === 0 || list[at - 1] === 0) return true;
  }
  return false;
}

async function readStat(pid: number): Promise<{ state: string; parent: number; startTime: string } | null> {
  const line = (await readProc(`/proc/${pid}/stat`))?.toString();
  if (line === undefined) return null;
  // the name of the program stands in parentheses and may hold blanks and parentheses itself (proc(5))
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', parent: Number(fields[1]), startTime: fields[19] ?? '' };
}

/** Null when the process is gone, or nobody else's business. Anything else (no file can be opened) says nothing of it. */
function readProc(path: string): Promise<Buffer | null> {
  return readFile(path).catch(nullIfGone);
}

function nullIfGone(error: unknown): null {
  if (GONE.has(codeOf(error) ?? '')) return null;
  throw error;
}

function canSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
