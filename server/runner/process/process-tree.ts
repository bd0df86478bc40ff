import { closeSync, openSync, readFile, readFileSync, readSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { batching, sharing } from '../../domain/batching.ts';
import { codeOf } from '../../domain/caught.ts';

/** Every process of a run has this in its environment, whatever its session or parent is by now. */
export const RUN_MARKER = 'SIBLE_RUN_ID';

/** What our own processes that belong to no run have there, so that none of them is taken for one that a run left. */
export const OF_NO_RUN: Readonly<Record<string, string>> = { [RUN_MARKER]: '-' };

/** Identifies a process even if its pid is reused. */
export interface ProcessId {
  readonly pid: number;
  /** In clock ticks since boot, proc(5); "" where the system does not tell. */
  readonly startTime: string;
  readonly bootId: string;
}

/** What /proc says of a process. */
export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  /** "Z": a zombie, ended but not reaped; "T": stopped. */
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  readonly startTime: string;
  /** Of a zombie, as waitpid returns it; 0 where we have no permission. */
  readonly waitStatus: number;
}

const LEFT = new Set(['ESRCH', 'EPERM']);
const GONE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/** Whether this very process still lives. */
export async function isRunning(id: ProcessId): Promise<boolean> {
  if (process.platform !== 'linux') return canSignal(id.pid);
  return isLiving(readStatNow(id.pid), id.startTime) && (await readBootId()) === id.bootId;
}

/**
 * Whether a supervisor whose program was started still lives. Wakes a stopped one after its program has ended,
 * because it would not notice the end.
 */
export async function isSupervising(id: ProcessId): Promise<boolean> {
  if (process.platform !== 'linux') return canSignal(id.pid);
  const stat = readStatNow(id.pid);
  if (!isLiving(stat, id.startTime) || (await readBootId()) !== id.bootId) return false;
  if (stat?.state === 'T' && !(await listLiving()).childrenOf.has(id.pid)) signal(id, 'SIGCONT');
  return true;
}

let bootId: Promise<string> | null = null;

/** Constant for as long as this process lives. */
export function readBootId(): Promise<string> {
  bootId ??= readProc('/proc/sys/kernel/random/boot_id').then(
    (text) => (text?.toString() ?? '').trim(),
    (error: unknown) => {
      bootId = null;
      throw error;
    },
  );
  return bootId;
}

/**
 * Live processes of a run: those that carry its marker, and all descendants of these or of `known` (a program
 * run by another user hides or drops its environment). None on systems without /proc.
 * @param readsMarkers false: only `known` and their descendants, which is cheaper
 */
export async function findRunProcesses(
  runId: string,
  known: Iterable<Pick<ProcessId, 'pid' | 'startTime'>> = [],
  { readsMarkers = true } = {},
): Promise<ProcessStat[]> {
  const marker = markerOf(runId);
  const { living, childrenOf } = await listLiving();
  const found = new Map<number, ProcessStat>();
  if (readsMarkers) {
    await Promise.all(
      [...living].map(async ([pid, stat]) => {
        if (await hasEntry(pid, marker)) found.set(pid, stat);
      }),
    );
  }
  for (const { pid, startTime } of known) {
    const stat = living.get(pid);
    if (stat?.startTime === startTime) found.set(pid, stat);
  }
  // entries added during the loop are visited, too
  for (const pid of found.keys()) for (const child of childrenOf.get(pid) ?? []) found.set(child.pid, child);
  return [...found.values()];
}

interface Living {
  readonly living: ReadonlyMap<number, ProcessStat>;
  readonly childrenOf: ReadonlyMap<number, readonly ProcessStat[]>;
}

/**
 * All live processes except this one. Each run without a cgroup asks every two seconds; concurrent callers
 * share one scan.
 */
const listLiving = sharing(async (): Promise<Living> => {
  const living = new Map<number, ProcessStat>();
  const childrenOf = new Map<number, ProcessStat[]>();
  for await (const pid of processesInTurns()) {
    const stat = readStatNow(pid);
    if (stat === null || stat.state === 'Z' || pid === process.pid) continue;
    living.set(pid, stat);
    const siblings = childrenOf.get(stat.parent);
    if (siblings) siblings.push(stat);
    else childrenOf.set(stat.parent, [stat]);
  }
  return { living, childrenOf };
});

/** Processes inspected in one turn of the event loop: a few ms. */
const LOOKED_AT_ONCE = 200;

async function* processesInTurns(): AsyncGenerator<number, void, undefined> {
  const pids = await listProcesses();
  for (let from = 0; from < pids.length; from += LOOKED_AT_ONCE) {
    yield* pids.slice(from, from + LOOKED_AT_ONCE);
    await nextTurn();
  }
}

/** Whether a process is the supervisor of a run, as far as the system can tell. Without /proc, whether it lives. */
export async function isSupervisor(id: ProcessId, runId: string): Promise<boolean> {
  if (id.pid <= 1 || id.pid === process.pid) return false;
  if (!(await isRunning(id))) return false;
  return process.platform !== 'linux' || (await supervises(id.pid, runId));
}

type FoundSupervisor = ProcessId & { readonly stat: ProcessStat };

/**
 * The live supervisor of a run, whatever started it; null when there is none, or no /proc. A scan reads a file
 * for every process on the machine, so concurrent callers share one that begins after they asked.
 */
export async function findSupervisor(runId: string): Promise<FoundSupervisor | null> {
  let found: FoundSupervisor | null = null;
  await lookForSupervisors({
    runId,
    tell(supervisor) {
      found = supervisor;
    },
  });
  return found;
}

const lookForSupervisors = batching<{
  readonly runId: string;
  tell(supervisor: FoundSupervisor | null): void;
}>(async (asked) => {
  const byRun = await listSupervisors(new Set(asked.map(({ runId }) => runId)));
  for (const { runId, tell } of asked) tell(byRun.get(runId) ?? null);
});

async function listSupervisors(runIds: ReadonlySet<string>): Promise<Map<string, FoundSupervisor>> {
  const bootId = await readBootId();
  const byRun = new Map<string, FoundSupervisor>();
  for await (const pid of processesInTurns()) {
    const runId = supervisedBy(readBegin(`/proc/${pid}/cmdline`));
    if (runId === null || !runIds.has(runId) || pid === process.pid) continue;
    if (!(await hasEntry(pid, markerOf(runId)))) continue;
    const stat = await readStat(pid);
    if (!stat || stat.state === 'Z') continue;
    // an impostor is started by the playbook, hence after the supervisor: the oldest wins
    const known = byRun.get(runId)?.stat;
    if (!known || isOlder(stat, known))
      byRun.set(runId, { pid: stat.pid, startTime: stat.startTime, bootId, stat });
  }
  return byRun;
}

function isOlder(a: ProcessStat, b: ProcessStat): boolean {
  return (Number(a.startTime) - Number(b.startTime) || a.pid - b.pid) < 0;
}

/** Sends a signal to this very process; ignores one that has ended or belongs to another user. */
export function signal({ pid, startTime }: Pick<ProcessId, 'pid' | 'startTime'>, name: NodeJS.Signals): void {
  // 0 and below are process groups, 1 is init
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid) return;
  try {
    if (process.platform === 'linux' && !isLiving(readStatNow(pid), startTime)) return;
    process.kill(pid, name);
  } catch (error) {
    if (!LEFT.has(codeOf(error) ?? '')) throw error;
  }
}

export async function readStat(pid: number): Promise<ProcessStat | null> {
  return parseStat(pid, (await readProc(`/proc/${pid}/stat`))?.toString());
}

function readStatNow(pid: number): ProcessStat | null {
  try {
    return parseStat(pid, readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    return nullIfGone(error);
  }
}

function parseStat(pid: number, line: string | undefined): ProcessStat | null {
  if (line === undefined) return null;
  // the program name is in parentheses and may itself contain spaces and parentheses (proc(5))
  const end = line.lastIndexOf(')');
  const fields = line.slice(end + 2).split(' ');
  return {
    pid,
    name: line.slice(line.indexOf('(') + 1, end),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTime: fields[19] ?? '',
    waitStatus: Number(fields[49] ?? 0),
  };
}

function isLiving(stat: ProcessStat | null, startTime: string): boolean {
  return stat !== null && stat.state !== 'Z' && stat.startTime === startTime;
}

async function supervises(pid: number, runId: string): Promise<boolean> {
  return supervisedBy(readBegin(`/proc/${pid}/cmdline`)) === runId && (await hasEntry(pid, markerOf(runId)));
}

/** The run whose supervisor has this command line; null: it is not a supervisor's. */
function supervisedBy(commandLine: string): string | null {
  // sh SUPERVISOR SPOOL …
  const [, script = '', spool = ''] = commandLine.split('\0', 3);
  return script.endsWith('/supervisor.sh') ? basename(spool) : null;
}

/** Longer than two paths. */
const begin = Buffer.alloc(16_384);

/**
 * The beginning of a file in /proc; "" when the process is gone or inaccessible. Synchronous: the kernel has it
 * in memory, and a promise for each of hundreds of processes costs ten times as much.
 */
function readBegin(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return nullIfGone(error) ?? '';
  }
  try {
    return begin.toString('utf8', 0, readSync(file, begin));
  } catch (error) {
    return nullIfGone(error) ?? '';
  } finally {
    closeSync(file);
  }
}

function markerOf(runId: string): Buffer {
  return Buffer.from(`${RUN_MARKER}=${runId}\0`);
}

/** Whether the environment of a process contains exactly `entry`. */
async function hasEntry(pid: number, entry: Buffer): Promise<boolean> {
  const environ = await readProc(`/proc/${pid}/environ`);
  if (!environ) return false;
  for (let at = environ.indexOf(entry); at !== -1; at = environ.indexOf(entry, at + 1)) {
    if (at === 0 || environ[at - 1] === 0) return true;
  }
  return false;
}

export async function listProcesses(): Promise<number[]> {
  const names = await readdir('/proc').catch(nullIfGone);
  return (names ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Null when the process is gone or inaccessible. Throws any other error, such as too many open files. */
export function readProc(path: string): Promise<Buffer | null> {
  // a scan reads a file of each process: the readFile of `fs/promises` takes twice the CPU time of this one
  return new Promise<Buffer>((resolve, reject) => {
    readFile(path, (error, content) => (error ? reject(error) : resolve(content)));
  }).catch(nullIfGone);
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
