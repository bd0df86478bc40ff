import type { RunProcess } from '../../runner/runner.ts';
import type { Storage } from '../../storage/storage.ts';
import { retryUntilAborted } from '../retry.ts';
import { type ActiveRuns, type ActiveRunsOptions, createActiveRuns, type Following } from './active-runs.ts';
import { createSlots, type Slots } from './slots.ts';

/** The runs that this node starts, follows or keeps waiting, and changes to them. */
export interface HeldRuns {
  /** One per run in progress here or about to start. */
  readonly slots: Slots;
  /** Runs that had to wait: no later run may start before them. */
  readonly waiting: Set<string>;
  /** Runs that this node owns in the database and is about to start; true: canceled meanwhile. */
  readonly starting: Map<string, boolean>;
  /** Runs in progress here. */
  readonly active: ActiveRuns;
  /** Aborts when this node stops. */
  readonly stopping: AbortSignal;
  /** Whether the run is in progress here or about to start. */
  isTaken(runId: string): boolean;
  /** Listens for changes to the held runs; call after adding one. */
  listen(): void;
  /** Follows a process to its end, as `ActiveRuns` does. */
  follow(process: RunProcess, how: Following): Promise<void>;
  cancelIfHere(runId: string): void;
  /**
   * Renews the leases of runs in progress, and checks the waiting ones, since change notifications are hints
   * and may be lost. Never rejects.
   */
  beat(): Promise<void>;
  /** Retries until the database answers; rejects only when this node stops. */
  untilAnswered<T>(during: string, ask: () => Promise<T>): Promise<T>;
}

export interface HeldRunsOptions extends Omit<ActiveRunsOptions, 'stopping'> {
  readonly storage: Pick<Storage, 'runs' | 'changes'>;
  /** Maximum number of concurrent runs, 0 or more. */
  readonly concurrency: number;
}

/** Waiting runs checked per beat. */
const LOOKED_AT = 200;

export function createHeldRuns(options: HeldRunsOptions, stopping: AbortSignal): HeldRuns {
  const { runs, changes } = options.storage;
  const active = createActiveRuns({ ...options, stopping });
  const waiting = new Set<string>();
  const starting = new Map<string, boolean>();
  /**
   * Set only while runs are in progress or waiting: other nodes are polled for changes only while somebody
   * listens.
   */
  let stopListening: (() => void) | null = null;
  stopping.addEventListener('abort', () => stopListening?.(), { once: true });

  function isTaken(runId: string): boolean {
    return active.has(runId) || starting.has(runId);
  }

  function listen(): void {
    if (stopping.aborted) return;
    stopListening ??= changes.listen((change) => {
      if (change.kind !== 'run') return;
      if (isTaken(change.id)) void cancelIfAsked(change.id);
      // started by another node, or canceled
      if (waiting.has(change.id)) void forgetUnlessQueued([change.id]);
    });
  }

  function stopListeningIfIdle(): void {
    if (active.count() + starting.size + waiting.size > 0) return;
    stopListening?.();
    stopListening = null;
  }

  async function forgetUnlessQueued(runIds: readonly string[]): Promise<void> {
    if (runIds.length === 0) return;
    try {
      for (const [i, run] of (await runs.findMany(runIds)).entries())
        if (run?.status !== 'queued') waiting.delete(runIds[i] ?? '');
    } catch (error) {
      options.onError(error, 'looking at waiting runs');
    }
  }

  async function cancelIfAsked(runId: string): Promise<void> {
    try {
      if ((await runs.find(runId))?.cancelRequestedAt) cancelIfHere(runId);
    } catch (error) {
      options.onError(error, `looking at run ${runId}`);
    }
  }

  function cancelIfHere(runId: string): void {
    if (starting.has(runId)) starting.set(runId, true);
    active.cancel(runId);
  }

  return {
    slots: createSlots(options.concurrency),
    waiting,
    starting,
    active,
    stopping,
    isTaken,
    listen,
    cancelIfHere,

    follow(process, how) {
      const ended = active.follow(process, how);
      listen();
      return ended;
    },

    async beat() {
      await forgetUnlessQueued([...waiting].slice(0, LOOKED_AT));
      stopListeningIfIdle();
      await active.renewLeases();
    },

    untilAnswered: (during, ask) =>
      retryUntilAborted(ask, stopping, (error) => options.onError(error, during), {
        retryMs: options.timings.retryMs,
      }),
  };
}
