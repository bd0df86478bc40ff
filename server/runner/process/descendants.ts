import { findAdopter } from './adopter.ts';
import {
  findRunProcesses,
  listProcesses,
  type ProcessId,
  type ProcessStat,
  RUN_MARKER,
  readProc,
  readStat,
} from './process-tree.ts';

/**
 * Processes that a run without a cgroup has started, as far as they were seen. A process that drops the run's
 * marker and loses its parent is indistinguishable from any other on the machine, unless it was seen before.
 */
export interface Descendants {
  /**
   * Scans for the current ones. @param isKilling whether the caller kills all that are found, so that their
   * later absence hides nothing
   */
  look(isKilling: boolean): Promise<readonly ProcessStat[]>;
  /**
   * What may be left after everything known was killed, in a sentence; null when nothing suggests any. An
   * unmarked process that disappeared before it was killed may have left something behind, and an orphan in the
   * server's own cgroup, session or container may belong to this run.
   */
  describeLeft(): Promise<string | null>;
  /** Stops the periodic scans. */
  stop(): void;
}

/** Each scan reads the /proc entries of every process. */
const LOOK_MS = 2_000;
const MAX_NAMED = 5;
/** USER_HZ is 100 on every platform that Node runs on. */
const MS_A_TICK = 10;

export function watchDescendants(runId: string, supervisor: ProcessId | null): Descendants {
  const seen = new Map<number, string>(supervisor ? [[supervisor.pid, supervisor.startTime]] : []);
  /** Pids of processes seen without the marker that still live as far as is known. */
  const unmarked = new Set<number>();
  /** Pids of processes that the end of the run kills. */
  const killed = new Set<number>();
  let lostSight = false;
  let looking: Promise<unknown> | null = null;

  async function look(isKilling: boolean, readsMarkers = true): Promise<ProcessStat[]> {
    const known = [...seen].map(([pid, startTime]) => ({ pid, startTime }));
    const found = await findRunProcesses(runId, known, { readsMarkers });
    const living = new Map(found.map(({ pid, startTime }) => [pid, startTime]));
    for (const [pid, startTime] of seen) {
      if (living.get(pid) === startTime) continue;
      seen.delete(pid);
      if (unmarked.delete(pid) && !killed.has(pid)) lostSight = true;
    }
    for (const { pid, startTime } of found) {
      seen.set(pid, startTime);
      if (isKilling) killed.add(pid);
      if (await isMarked(pid, runId)) unmarked.delete(pid);
      else unmarked.add(pid);
    }
    return found;
  }

  const timer = setInterval(() => {
    // a scan that fails is left to the next one
    looking ??= look(false, false)
      .catch(() => undefined)
      .finally(() => {
        looking = null;
      });
  }, LOOK_MS).unref();

  return {
    async look(isKilling) {
      await looking;
      return look(isKilling);
    },

    async describeLeft() {
      await looking;
      const suspects = supervisor === null ? [] : await findSuspects(supervisor);
      if (!lostSight && suspects.length === 0) return null;
      return describeSuspects(suspects, 'some dropped its marker, and no cgroup can be made here');
    },

    stop: () => clearInterval(timer),
  };
}

/** A sentence that names processes that may be left. */
export function describeSuspects(suspects: readonly ProcessStat[], why: string): string {
  const named = suspects.slice(0, MAX_NAMED).map(({ pid, name }) => `${plain(name)} ${pid}`);
  const more = suspects.length - named.length;
  if (more > 0) named.push(`${more} more`);
  return `Processes that it started may be left${named.length > 0 ? ` (${named.join(', ')})` : ''}: ${why}.`;
}

/** Whether it carries the run's marker; also true if it has ended since. */
async function isMarked(pid: number, runId: string): Promise<boolean> {
  const environ = await readProc(`/proc/${pid}/environ`);
  if (environ === null) return (await readStat(pid)) === null;
  return `\0${environ.toString('latin1')}`.includes(`\0${RUN_MARKER}=${runId}\0`);
}

/** Orphans without any run's marker, started in the server's cgroup within `withinMs` after the supervisor. */
export async function findSuspects(
  supervisor: ProcessId,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<ProcessStat[]> {
  const stats = new Map<number, ProcessStat>();
  for (const stat of await Promise.all((await listProcesses()).map(readStat)))
    if (stat && stat.state !== 'Z') stats.set(stat.pid, stat);
  if (stats.size === 0) return [];
  const adopters = await findAdopter().then(
    (adopter) => new Set([1, adopter]),
    // at worst another child of an ancestor of ours is named, too
    () => new Set([1, ...ancestorsOf(process.pid, stats)]),
  );
  const home = (await readProc('/proc/self/cgroup'))?.toString();
  const suspects: ProcessStat[] = [];
  for (const stat of stats.values()) {
    const { pid, parent, session, startTime } = stat;
    if (!adopters.has(parent) || adopters.has(pid) || pid === process.pid) continue;
    const age = (Number(startTime) - Number(supervisor.startTime)) * MS_A_TICK;
    if (age < 0 || age > withinMs) continue;
    // a command of a shell above the server belongs to the shell's session
    if (session !== pid && stats.has(session)) continue;
    if ((await readProc(`/proc/${pid}/cgroup`))?.toString() !== home) continue;
    if ((await readProc(`/proc/${pid}/environ`))?.includes(`${RUN_MARKER}=`)) continue;
    suspects.push(stat);
  }
  return suspects;
}

function* ancestorsOf(pid: number, stats: ReadonlyMap<number, ProcessStat>): Generator<number> {
  for (let parent = stats.get(pid)?.parent ?? 0; parent > 0; parent = stats.get(parent)?.parent ?? 0)
    yield parent;
}

/** A process can set its name to anything. */
function plain(name: string): string {
  return name.replace(/[^\w.:+-]/g, '?').slice(0, 32);
}
