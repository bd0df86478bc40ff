import type { AgendaBackend } from 'agenda';
import type { OutboxRow } from '../domain/facts.ts';
import type {
  LogChunk,
  LogHead,
  LogReadLimits,
  LogStream,
  LogTime,
  StoredLines,
} from '../domain/logs/run-log.ts';
import type { Page, PageRequest } from '../domain/page.ts';
import type { KeyBinding } from '../domain/runs/idempotency.ts';
import type {
  ActiveRun,
  Run,
  RunEnd,
  RunFilter,
  RunPlace,
  RunSummary,
  ScheduleOutcomes,
} from '../domain/runs/run.ts';
import type {
  Schedule,
  ScheduleFilter,
  ScheduleOrder,
  ScheduleSummary,
} from '../domain/schedules/schedule.ts';
import type { Tick } from '../domain/schedules/tick.ts';
import type { ChannelStore, DeliveryStore } from './notice-stores.ts';

/**
 * Everything Sible remembers. Two adapters, `sqlite/` and `mongo/`, keep the same contract; `tests/contract/`
 * proves it on both.
 *
 * - Every state change is one compare-and-set: it names the expected state and reports whether it found it.
 * - No driver type, connection or transaction crosses this port.
 * - Dates have millisecond precision. Text is any Unicode except NUL, which only log lines may contain;
 *   unpaired surrogates become U+FFFD.
 * - Methods reject only when the database is unreachable or answers nonsense. Then either nothing was changed,
 *   or the outcome is unknown: every method is safe to call again.
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
  readonly channels: ChannelStore;
  readonly deliveries: DeliveryStore;
  readonly removal: Removal;
  readonly changes: ChangeFeed;
  /**
   * Where Agenda keeps its jobs: the same database. Already connected; its `disconnect` leaves the connection
   * open.
   */
  readonly jobBackend: AgendaBackend;
  /** Resolves when the database answers within `timeoutMs`; rejects otherwise. */
  ping(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface ScheduleStore {
  /** Rejects when the id is taken. */
  insert(schedule: Schedule): Promise<void>;
  find(id: string): Promise<Schedule | null>;
  /** In the order of `ids`; null for a missing one. */
  findMany(ids: readonly string[]): Promise<(ScheduleSummary | null)[]>;
  /**
   * Replaces the schedule if it exists with version `expectedVersion`. Once this resolves, no tick decided on
   * the old version is recorded any more.
   * @returns whether it did
   */
  replace(schedule: Schedule, expectedVersion: number): Promise<boolean>;
  /**
   * Removes the schedule; its ticks and runs stay. Once this resolves, no tick of it is recorded any more, and
   * `fire` queues no run of it.
   * @returns the removed schedule; null when there was none
   */
  delete(id: string): Promise<Schedule | null>;
  list(filter: ScheduleFilter, order: ScheduleOrder, page: PageRequest): Promise<Page<ScheduleSummary>>;
  count(filter: ScheduleFilter): Promise<number>;
  /** The schedules of each given playbook path, sorted by name; every path has an entry. */
  listByPlaybooks(paths: readonly string[]): Promise<Map<string, ScheduleSummary[]>>;
  /** The distinct playbook paths of all schedules, in any order. */
  listPlaybooks(): Promise<string[]>;
  /** Enabled schedules whose next instant is due at or before `until`, soonest first. */
  listDue(until: Date, limit: number): Promise<Schedule[]>;
  /**
   * The distinct times at which next instants of enabled schedules are due, up to and including `until`, in any
   * order.
   */
  listInstants(until: Date): Promise<Date[]>;
  /** Whether the next instant of any enabled schedule is due at exactly this time. */
  isAwaited(dueAt: Date): Promise<boolean>;
  /**
   * Records the outcome of due instants, each firing all or nothing, even across a crash: moves `nextRunAt`
   * and `dueAt` and stores the ticks and runs, if the schedule is enabled, has this version and these manual
   * starts, and still waits for `expectedNextRunAt`. Does not bump the version. An existing tick stays as it
   * is, and the run of a new one for the same instant is not stored: an instant runs once, even if a clock was
   * set back.
   * @param firings of different schedules
   * @returns for each firing the ids of its runs that were stored; null when its schedule was changed, deleted,
   * disabled, or already fired (by this or another node). When it rejects, any of them may have been recorded
   * or may yet be; after `completeFirings` it is decided.
   */
  fire(firings: readonly Firing[]): Promise<(ReadonlySet<string> | null)[]>;
  /**
   * Stores a run started by hand, atomically with the check whether another run of its schedule is queued or
   * running, and with all firings of the schedule: of any number of concurrent starts, only one finds none.
   * @param isForced stores it beside others
   * @returns `active`: there is another one; `taken`: the id is in use; `gone`: the schedule is gone. Nothing
   * was stored then. When it rejects, it may have been stored or may yet be; after `completeFirings` it is
   * decided.
   */
  startByHand(run: Run & { readonly scheduleId: string }, isForced: boolean): Promise<ManualStart>;
  /**
   * Completes firings that a crash interrupted. `fire`, `replace` and `delete` do so for their own schedule
   * anyway.
   * @returns how many it completed
   */
  completeFirings(): Promise<number>;
  /**
   * Sets or clears `problem` (setting it also sets `nextRunAt` and `dueAt` to null) if the version still
   * matches. @returns whether it did
   */
  setProblem(id: string, version: number, problem: string | null): Promise<boolean>;
}

export type ManualStart = 'started' | 'active' | 'taken' | 'gone';

/**
 * Removes old rows permanently, in bounded steps: call them until nothing is left. Whatever is under way stays.
 * Safe to interrupt and to call on several nodes at once: a run disappears from all reads at once, and `logs`
 * removes what is left of it, also after a crash.
 */
export interface Removal {
  /**
   * Removes those of these runs that still ended as given. They must have ended minutes ago, so that nobody is
   * about to store them again.
   * @returns how many
   */
  runs(ended: readonly EndedRun[]): Promise<number>;
  /**
   * Removes what removed runs have left: pieces of all their streams.
   * @param limit maximum number of rows removed in this step
   * @returns how many rows were removed; 0: nothing is left
   */
  logs(limit: number): Promise<number>;
  /**
   * Removes ticks of instants before `before`, oldest first, except those whose run is queued or running.
   * @returns how many; 0: nothing is left
   */
  ticks(before: Date, limit: number): Promise<number>;
  /** How much is stored, in bytes, without what is free for reuse; null: the database does not tell reliably. */
  size(): Promise<number | null>;
  /**
   * Gives free space back to the disk, as far as it is more than is soon needed again.
   * @param limit in bytes
   * @returns how much, in bytes; 0: nothing is left, or the database reuses it instead
   */
  reclaim(limit: number): Promise<number>;
}

/** A run and the end that the decision to remove it is based on: one that was revived since is kept. */
export interface EndedRun {
  readonly id: string;
  readonly finishedAt: Date;
}

/**
 * Facts that someone may have to be notified of. Each is recorded atomically with the change that it reports:
 * `insert`, `replace`, `delete`, `setProblem` and `fire` of the schedules, whatever ends a run, and whatever
 * stores an ended one. When such a method resolves, its facts can be claimed; when it rejects, they can if the
 * change was stored or will be. Delivers each row at least once, always under the same id.
 */
export interface OutboxStore {
  /**
   * Claims due rows that nobody holds, oldest first, with a lease until `leaseUntil`: no other claim returns
   * them before. Rows of workers that did not come back are due again then.
   */
  claim(workerId: string, limit: number, leaseUntil: Date, now: Date): Promise<OutboxRow[]>;
  /**
   * Releases a row that could not be delivered, and makes it due again at `at`. @returns whether this worker
   * still held it
   */
  retry(workerId: string, id: string, at: Date): Promise<boolean>;
  /** Removes delivered rows, whichever worker claimed them. Idempotent. */
  remove(ids: readonly string[]): Promise<void>;
}

/** Idempotency keys of callers that may repeat a request. */
export interface KeyStore {
  find(key: string): Promise<KeyBinding | null>;
  /**
   * Binds the key, unless it was bound at `since` or later. Of several callers that bind the same key, one
   * wins.
   * @returns what the key is bound to now
   */
  bind(binding: KeyBinding, since: Date): Promise<KeyBinding>;
  /** Records that what the key stands for was created. */
  markDone(key: string, id: string): Promise<void>;
  /** Deletes keys bound before `before`, oldest first. @returns how many */
  forget(before: Date, limit: number): Promise<number>;
}

/** What became of the due instants of one schedule. */
export interface Firing {
  readonly scheduleId: string;
  /** The schedule version that the decision is based on. */
  readonly version: number;
  /** `Schedule.manualStarts` that the decision is based on, if it matters; absent: any. */
  readonly manualStarts?: number;
  /** The nominal instant that the schedule must still be waiting for. */
  readonly expectedNextRunAt: Date;
  /** The nominal instant that it waits for from now on, and when that is due; null: none. */
  readonly nextRunAt: Date | null;
  readonly dueAt: Date | null;
  readonly ticks: readonly Tick[];
  /** As admitted: queued, running, or failed; each belongs to one of the ticks. */
  readonly runs: readonly Run[];
}

export interface TickStore {
  /** Newest first. */
  list(scheduleId: string, page: PageRequest): Promise<Page<Tick>>;
  count(scheduleId: string): Promise<number>;
  /** Records why the run that a tick started was refused when its turn came. An existing reason stays. */
  explain(scheduleId: string, scheduledFor: Date, reason: string): Promise<void>;
}

export interface RunStore {
  /** Rejects when the id is taken. */
  insert(run: Run): Promise<void>;
  /** @returns whether it was stored; false when the id is taken */
  insertNew(run: Run): Promise<boolean>;
  /** With its parameters; every other read omits them. */
  find(id: string): Promise<Run | null>;
  /** In the order of `ids`; null for a missing one. */
  findMany(ids: readonly string[]): Promise<(RunSummary | null)[]>;
  /** Newest first, by `queuedAt`, then id. */
  list(filter: RunFilter, page: PageRequest): Promise<Page<RunSummary>>;
  count(filter: RunFilter): Promise<number>;
  /** The newest run of each schedule by `queuedAt`, then id; absent when there is none. */
  lastOfSchedules(scheduleIds: readonly string[]): Promise<Map<string, RunSummary>>;
  /** Of a schedule without runs: never, none. */
  outcomesOf(scheduleId: string): Promise<ScheduleOutcomes>;
  /** The queued or running runs of each schedule, in any order; absent when there are none. */
  listActive(scheduleIds: readonly string[]): Promise<Map<string, readonly ActiveRun[]>>;
  /** queued → running, owned by `workerId`. @returns the updated run; null when it was not queued */
  claim(
    id: string,
    workerId: string,
    startedAt: Date,
    leaseUntil: Date,
    place: RunPlace,
  ): Promise<RunSummary | null>;
  /** running → queued again, if it runs under `workerId`; for a run that certainly did not start. */
  unclaim(id: string, workerId: string): Promise<RunSummary | null>;
  /**
   * Ends a run: running → the end; queued → canceled or failed; lost → anything but lost (its worker came
   * back). `workerId` must match the run's, null for a queued one. With `leaseBefore`, its lease must also have
   * ended before that (used by the sweep, with the run's workerId). Clears the lease.
   * @returns the updated run; null when it was in no such state
   */
  finish(id: string, workerId: string | null, end: RunEnd, leaseBefore?: Date): Promise<RunSummary | null>;
  /** Ends runs of this worker like `finish`; those in no such state stay as they are. Idempotent. */
  finishOwn(workerId: string, ends: readonly { readonly id: string; readonly end: RunEnd }[]): Promise<void>;
  /**
   * Marks a queued or running run so that its worker ends it; keeps an earlier mark. @returns null when it is
   * finished
   */
  requestCancel(id: string, at: Date): Promise<RunSummary | null>;
  /**
   * Renews the leases of those of `ids` that are running under this worker.
   * @returns them, so that the worker sees their cancel marks
   */
  renewLeases(workerId: string, ids: readonly string[], leaseUntil: Date): Promise<RunSummary[]>;
  /**
   * lost → running again, for those of `ids` that this worker owned and knows to be running.
   * @returns them; those that are not lost stay as they are
   */
  revive(workerId: string, ids: readonly string[], leaseUntil: Date): Promise<RunSummary[]>;
  /** Running under this worker. */
  listRunningOf(workerId: string): Promise<RunSummary[]>;
  /** Running, with a lease that expired before `now`. */
  listExpired(now: Date, limit: number): Promise<RunSummary[]>;
  /** Queued before `queuedBefore`, oldest first. */
  listQueued(queuedBefore: Date, limit: number): Promise<RunSummary[]>;
}

/** Each stream of a run is a separate log. */
export interface RunLogStore {
  /**
   * Appends if `chunk.firstLine` directly follows the last stored line. Does not retain the chunk's bytes.
   * @returns false if it does not (another writer was faster, or this chunk is already stored)
   */
  append(runId: string, stream: LogStream, chunk: LogChunk): Promise<boolean>;
  /** Lines after `after` (0: from the first). The cost is proportional to the result. */
  read(runId: string, stream: LogStream, after: number, limits: LogReadLimits): Promise<StoredLines>;
  /** Chunks as they are stored, from the one that holds line `line` on, at most `limit`. */
  chunks(runId: string, stream: LogStream, line: number, limit: number): Promise<PackedChunk[]>;
  /** When the lines from `from` to `to` were written, at most `limit` entries; the first one covers line `from`. */
  times(runId: string, stream: LogStream, from: number, to: number, limit: number): Promise<LogTime[]>;
  head(runId: string, stream: LogStream): Promise<LogHead>;
  /** Heads of several runs in one query; every id has an entry. */
  heads(runIds: readonly string[], stream: LogStream): Promise<Map<string, LogHead>>;
}

/** A chunk of a log as it is stored. */
export interface PackedChunk {
  readonly firstLine: number;
  readonly lineCount: number;
  /** Its lines joined by "\n", as UTF-8. */
  readonly bytes: Buffer;
  /** Whether the bytes are compressed (raw DEFLATE, RFC 1951). */
  readonly isDeflated: boolean;
}

/** Something was written; read it again. Carries no content. */
export type Change = { readonly kind: 'schedule' | 'run'; readonly id: string };

/** Hints only: the stores are the truth, a lost change costs freshness and nothing else. */
export interface ChangeFeed {
  /**
   * Notifies all listeners on all nodes. Never rejects; listeners in this process are notified before it
   * resolves.
   */
  publish(change: Change): Promise<void>;
  /** @returns the function that stops listening */
  listen(listener: (change: Change) => void): () => void;
}
