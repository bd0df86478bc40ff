import type { RunProcess } from '../../runner/runner.ts';
import type { Storage } from '../../storage/storage.ts';
import { retryUntilAborted } from '../retry.ts';
import { type ActiveRuns, type ActiveRunsOptions, createActiveRuns, type Following } from './active-runs.ts';
import { createSlots, type Slots } from './slots.ts';

/** The runs that this node prepares, starts, follows or keeps waiting, and the news about them. */
export interface HeldRuns {
  /** One for each run that goes on here or is about to. */
  readonly slots: Slots;
  /** Runs that are prepared, and have no place yet. */
  readonly prepared: Set<string>;
  /** Runs that had to wait: none that comes later may be started before them. */
  readonly waiting: Set<string>;
  /** Runs that are ours by their row, and about to be started; true: they were canceled meanwhile. */
  readonly starting: Map<string, boolean>;
  /** Runs that go on here. */
  readonly active: ActiveRuns;
  /** Aborts when this node stops. */
  readonly stopping: AbortSignal;
  /** Whether the run is about to be started or goes on here. */
  isTaken(runId: string): boolean;
  /** Listens for news of the held runs: call when one was added. */
  listen(): void;
  /** Follows a process to its end, as `ActiveRuns` does. */
  follow(process: RunProcess, how: Following): Promise<void>;
  cancelIfHere(runId: string): void;
  /** Renews the lease of the runs that go on, and looks at those that wait: changes are hints, and may be lost. Never rejects. */
  beat(): Promise<void>;
  /** As often as it takes; rejects only when this node stops. */
  untilAnswered<T>(during: string, ask: () => Promise<T>): Promise<T>;
}

export interface HeldRunsOptions extends Omit<ActiveRunsOptions, 'stopping'> {
  readonly storage: Pick<Storage, 'runs' | 'changes'>;
  /** Runs at once, 0 or more. */
  readonly concurrency: number;
}

/** So many waiting runs are looked at in a beat. */
const LOOKED_AT = 200;

export function createHeldRuns(options: HeldRunsOptions, stopping: AbortSignal): HeldRuns {
  const { runs, changes } = options.storage;
  const active = createActiveRuns({ ...options, stopping });
  const waiting = new Set<string>();
  const starting = new Map<string, boolean>();
  /** While nothing goes on or waits there is nothing to hear: other nodes are asked for news only while somebody listens. */
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
    prepared: new Set(),
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
