import type { AgendaBackend } from 'agenda';
import type { OutboxRow } from '../domain/facts.ts';
import type { LogChunk, LogHead, LogReadLimits, LogStream, StoredLines } from '../domain/logs/run-log.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import type { KeyBinding } from '../domain/runs/idempotency.ts';
import type { ActiveRun, Run, RunEnd, RunFilter, RunPlace, RunSummary } from '../domain/runs/run.ts';
import type {
  Schedule,
  ScheduleFilter,
  ScheduleOrder,
  ScheduleSummary,
} from '../domain/schedules/schedule.ts';
import type { Tick } from '../domain/schedules/tick.ts';

/**
 * Everything Sible remembers. Two adapters, `sqlite/` and `mongo/`, promise the same; `tests/contract/` proves it on both.
 *
 * - Every change of state is one compare-and-set: it names the state it expects and reports whether it found it.
 * - No driver type, connection or transaction crosses this port.
 * - Dates have millisecond precision. Text is any Unicode but NUL, which only log lines may hold; unpaired surrogates become U+FFFD.
 * - Methods reject only when the database cannot be reached or answers nonsense; then nothing was changed,
 *   or it is not known: every method is safe to call again.
 */
export interface Storage {
  readonly kind: 'sqlite' | 'mongodb';
  /** Whether other nodes may write to the same database. */
  readonly isShared: boolean;
  readonly schedules: ScheduleStore;
  readonly ticks: TickStore;
  readonly runs: RunStore;
  readonly runLogs: RunLogStore;
  readonly keys: KeyStore;
  readonly outbox: OutboxStore;
  readonly removal: Removal;
  readonly changes: ChangeFeed;
  /** Where Agenda keeps its jobs: the same database. Connected already; its `disconnect` leaves the connection open. */
  readonly jobBackend: AgendaBackend;
  /** Resolves when the database answers within `timeoutMs`; rejects otherwise. */
  ping(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface ScheduleStore {
  /** Rejects when the id is taken. */
  insert(schedule: Schedule): Promise<void>;
  find(id: string): Promise<Schedule | null>;
  /** In the order of `ids`; null where there is none. */
  findMany(ids: readonly string[]): Promise<(ScheduleSummary | null)[]>;
  /**
   * Replaces the schedule when it exists with version `expectedVersion`.
   * When this resolves, no tick that was decided on the old version is recorded any more.
   * @returns whether it did
   */
  replace(schedule: Schedule, expectedVersion: number): Promise<boolean>;
  /**
   * Removes the schedule; its ticks and runs stay.
   * When this resolves, no tick of it is recorded and no run of it queued by `fire` any more.
   * @returns what was removed; null when there was none
   */
  delete(id: string): Promise<Schedule | null>;
  list(filter: ScheduleFilter, order: ScheduleOrder, page: PageRequest): Promise<Page<ScheduleSummary>>;
  count(filter: ScheduleFilter): Promise<number>;
  /** The schedules of each playbook path given, by name; every path has an entry. */
  listByPlaybooks(paths: readonly string[]): Promise<Map<string, ScheduleSummary[]>>;
  /** The playbook paths of all schedules, each once, in any order. */
  listPlaybooks(): Promise<string[]>;
  /** Enabled schedules whose next instant is due at `until` or before, soonest first. */
  listDue(until: Date, limit: number): Promise<Schedule[]>;
  /** When the next instants of enabled schedules are due, up to and including `until`; each once, in any order. */
  listInstants(until: Date): Promise<Date[]>;
  /** Whether the next instant of any enabled schedule is due exactly then. */
  isAwaited(dueAt: Date): Promise<boolean>;
  /**
   * Records what became of due instants, each firing all or nothing, also over a crash: moves `nextRunAt` and `dueAt` and stores the
   * ticks and runs, if the schedule is enabled, has this version and these manual starts, and still waits for `expectedNextRunAt`.
   * Does not bump the version. Ticks that are there already are left as they are, and the runs that were to stand beside them
   * are not stored: an instant is run once, also when a clock was put back.
   * @param firings of schedules that differ
   * @returns for each firing the ids of its runs that were stored; null when its schedule was changed, deleted, disabled,
   *   or fired already (by this or another node). When it rejects, any of them may have been recorded or may yet be:
   *   after `completeFirings` it is decided.
   */
  fire(firings: readonly Firing[]): Promise<(ReadonlySet<string> | null)[]>;
  /**
   * Stores a run that was started by hand, in one step with the look whether another one of its schedule is queued or
   * running, and with all firings of the schedule: of any number of starts at once only one finds none.
   * @param isForced stores it beside others
   * @returns `active`: there is another one; `taken`: the id is; `gone`: the schedule is. Nothing was stored then.
   *   When it rejects, it may have been stored or may yet be: after `completeFirings` it is decided.
   */
  startByHand(run: Run & { readonly scheduleId: string }, isForced: boolean): Promise<ManualStart>;
  /**
   * Completes firings that a crash cut short. `fire`, `replace` and `delete` do so for their own schedule anyway.
   * @returns how many were completed
   */
  completeFirings(): Promise<number>;
  /** Sets or clears `problem` (and `nextRunAt` and `dueAt` to null when set) if the version still is this one. @returns whether it did */
  setProblem(id: string, version: number, problem: string | null): Promise<boolean>;
}

export type ManualStart = 'started' | 'active' | 'taken' | 'gone';

/**
 * Removes old rows for good, oldest first, in bounded steps: call it until nothing is left. What is under way stays,
 * however old it is. Safe to interrupt and to call on several nodes at once: a run is gone from all reads at once, and what
 * a crash leaves of its log is removed by the next step.
 */
export interface Removal {
  /**
   * Removes runs that ended before `before`, with their logs. `before` must be so long ago that nobody is about to store
   * them again: a day at least.
   * @param limit of rows, runs and pieces of logs together, in this step
   * @returns how many rows were removed; 0: nothing is left
   */
  runs(before: Date, limit: number): Promise<number>;
  /** Removes ticks of instants before `before`, but those whose run is queued or running. @returns how many; 0: nothing is left */
  ticks(before: Date, limit: number): Promise<number>;
}

/**
 * Facts that somebody may have to be told of. Each is recorded in the same step as what it tells of: `insert`, `replace`,
 * `delete`, `setProblem` and `fire` of the schedules, whatever ends a run, and whatever stores one that has ended. When such
 * a method resolves, the facts can be claimed; when it rejects, they can if the change was stored or will be.
 * Delivers each row at least once, every time under the same id.
 */
export interface OutboxStore {
  /**
   * Claims rows that are due and that nobody holds, oldest first, until `leaseUntil`: no other claim gives them before.
   * Rows of workers that did not come back are due again then.
   */
  claim(workerId: string, limit: number, leaseUntil: Date, now: Date): Promise<OutboxRow[]>;
  /** Lets go of a row that could not be told, and has it due again at `at`. @returns whether this worker still held it */
  retry(workerId: string, id: string, at: Date): Promise<boolean>;
  /** Removes delivered rows, whichever worker has claimed them. Idempotent. */
  remove(ids: readonly string[]): Promise<void>;
}

/** Keys of callers that may ask for the same thing more than once. */
export interface KeyStore {
  find(key: string): Promise<KeyBinding | null>;
  /**
   * Binds the key, unless it is bound since `since`. One of many that bind the same key wins.
   * @returns what the key is bound to now
   */
  bind(binding: KeyBinding, since: Date): Promise<KeyBinding>;
  /** Notes that what the key stands for was made. */
  markDone(key: string, id: string): Promise<void>;
  /** Forgets keys that were bound before, the oldest first. @returns how many */
  forget(before: Date, limit: number): Promise<number>;
}

/** What became of the due instants of one schedule. */
export interface Firing {
  readonly scheduleId: string;
  /** The version that it was decided on. */
  readonly version: number;
  /** `Schedule.manualStarts` that it was decided on, where it matters; absent: whatever it is. */
  readonly manualStarts?: number;
  /** The nominal instant that the schedule must still be waiting for. */
  readonly expectedNextRunAt: Date;
  /** The nominal instant that it waits for from now on, and when that is due; null: nothing. */
  readonly nextRunAt: Date | null;
  readonly dueAt: Date | null;
  readonly ticks: readonly Tick[];
  /** As they were admitted: queued, running, or failed; each belongs to one of the ticks. */
  readonly runs: readonly Run[];
}

export interface TickStore {
  /** Newest first. */
  list(scheduleId: string, page: PageRequest): Promise<Page<Tick>>;
  count(scheduleId: string): Promise<number>;
  /** Says why the run that a tick started was refused when its turn came. A tick that has a reason keeps it. */
  explain(scheduleId: string, scheduledFor: Date, reason: string): Promise<void>;
}

export interface RunStore {
  /** Rejects when the id is taken. */
  insert(run: Run): Promise<void>;
  /** @returns whether it was stored; false when the id is taken */
  insertNew(run: Run): Promise<boolean>;
  /** With its parameters; every other read leaves them out. */
  find(id: string): Promise<Run | null>;
  /** In the order of `ids`; null where there is none. */
  findMany(ids: readonly string[]): Promise<(RunSummary | null)[]>;
  /** Newest first, by `queuedAt`, then id. */
  list(filter: RunFilter, page: PageRequest): Promise<Page<RunSummary>>;
  count(filter: RunFilter): Promise<number>;
  /** The newest run of each schedule by `queuedAt`, then id; absent when it has none. */
  lastOfSchedules(scheduleIds: readonly string[]): Promise<Map<string, RunSummary>>;
  /** The runs of each schedule that are queued or running, in any order; absent when there are none. */
  listActive(scheduleIds: readonly string[]): Promise<Map<string, readonly ActiveRun[]>>;
  /** queued → running, owned by `workerId`. @returns the run as it is now; null when it was not queued */
  claim(
    id: string,
    workerId: string,
    startedAt: Date,
    leaseUntil: Date,
    place: RunPlace,
  ): Promise<RunSummary | null>;
  /** running → queued again, when it is running under `workerId`; for a run that certainly did not start. */
  unclaim(id: string, workerId: string): Promise<RunSummary | null>;
  /**
   * Ends a run: running → the end; queued → canceled or failed; lost → anything but lost (its worker came back).
   * `workerId` must be the run's own, null for a queued one. When `leaseBefore` is given,
   * also its lease must have ended before that (used by the sweep, with the run's workerId).
   * Clears the lease. @returns the run as it is now; null when it was in no such state
   */
  finish(id: string, workerId: string | null, end: RunEnd, leaseBefore?: Date): Promise<RunSummary | null>;
  /** Ends runs of this worker as `finish` does; those that are in no such state are left as they are. Safe to call again. */
  finishOwn(workerId: string, ends: readonly { readonly id: string; readonly end: RunEnd }[]): Promise<void>;
  /** Marks a queued or running run so that its worker ends it; keeps an earlier mark. @returns null when it is finished */
  requestCancel(id: string, at: Date): Promise<RunSummary | null>;
  /**
   * Renews the lease of those of `ids` that are running under this worker.
   * @returns them, so that it sees its cancel marks
   */
  renewLeases(workerId: string, ids: readonly string[], leaseUntil: Date): Promise<RunSummary[]>;
  /**
   * lost → running again, for those of `ids` that this worker had and knows to go on.
   * @returns them; those that are not lost are left as they are
   */
  revive(workerId: string, ids: readonly string[], leaseUntil: Date): Promise<RunSummary[]>;
  /** Running under this worker. */
  listRunningOf(workerId: string): Promise<RunSummary[]>;
  /** Running, with a lease that ended before `now`. */
  listExpired(now: Date, limit: number): Promise<RunSummary[]>;
  /** Queued before `queuedBefore`, oldest first. */
  listQueued(queuedBefore: Date, limit: number): Promise<RunSummary[]>;
}

/** Each stream of a run is a log of its own. */
export interface RunLogStore {
  /**
   * Appends when `chunk.firstLine` is exactly one behind the last line stored. The chunk's bytes are not kept.
   * @returns false when it is not (another writer was there, or this chunk is stored already)
   */
  append(runId: string, stream: LogStream, chunk: LogChunk): Promise<boolean>;
  /** Lines behind `after` (0: from the first). Costs what it returns. */
  read(runId: string, stream: LogStream, after: number, limits: LogReadLimits): Promise<StoredLines>;
  head(runId: string, stream: LogStream): Promise<LogHead>;
  /** Heads of several runs in one question; every id has an entry. */
  heads(runIds: readonly string[], stream: LogStream): Promise<Map<string, LogHead>>;
}

/** Something was written; read it again. Carries no content. */
export type Change = { readonly kind: 'schedule' | 'run'; readonly id: string };

/** Hints only: the stores are the truth, a lost change costs freshness and nothing else. */
export interface ChangeFeed {
  /** Tells all listeners of all nodes. Never rejects; listeners of this process hear it before it resolves. */
  publish(change: Change): Promise<void>;
  /** @returns the function that ends it */
  listen(listener: (change: Change) => void): () => void;
}
