import type { Actor } from '../domain/actor.ts';
import type { RunSummary } from '../domain/runs/run.ts';
import type { ScheduleSummary } from '../domain/schedules/schedule.ts';
import type { Change, Storage } from '../storage/storage.ts';
import { interruptible } from './interruptible.ts';
import type { PlaybookWatch } from './playbooks/playbook-watch.ts';

/** Changes of schedules and runs, by any actor on any node. */
export interface WatchService {
  /**
   * Runs as they change: all, or one, or those of a schedule. Changes that outpace the reader are coalesced:
   * each changed run is yielded once, in its current state.
   */
  runs(
    actor: Actor,
    filter: { readonly id?: string | undefined; readonly scheduleId?: string | undefined },
  ): AsyncGenerator<RunSummary, void, undefined>;
  /** Schedules as they are created, changed or deleted (`schedule: null`); coalesced likewise. */
  schedules(
    actor: Actor,
  ): AsyncGenerator<{ readonly id: string; readonly schedule: ScheduleSummary | null }, void, undefined>;
  close(): void;
}

export function createWatchService(
  storage: Pick<Storage, 'schedules' | 'runs' | 'changes'>,
  playbookWatch: PlaybookWatch,
): WatchService {
  const closing = new AbortController();

  /**
   * Ids of changed things, each once until it is taken: never more than there are things, however slow the
   * reader.
   */
  async function* changedIds(
    kind: Change['kind'],
    signal: AbortSignal,
  ): AsyncGenerator<string, void, undefined> {
    const pending = new Set<string>();
    let resume: (() => void) | null = null;
    const wake = () => resume?.();
    const unlisten = storage.changes.listen((change) => {
      if (change.kind !== kind) return;
      pending.add(change.id);
      wake();
    });
    signal.addEventListener('abort', wake);
    closing.signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (closing.signal.aborted) throw new Error('The server is stopping.');
        const [id] = pending;
        if (id === undefined) {
          await new Promise<void>((resolve) => {
            resume = resolve;
          });
          resume = null;
        } else {
          pending.delete(id);
          yield id;
        }
      }
    } finally {
      unlisten();
      signal.removeEventListener('abort', wake);
      closing.signal.removeEventListener('abort', wake);
    }
  }

  return {
    runs: (_actor, filter) =>
      interruptible(async function* (signal) {
        for await (const id of changedIds('run', signal)) {
          if (filter.id !== undefined && id !== filter.id) continue;
          // a summary: what waits for a slow reader must be short
          const [run] = await storage.runs.findMany([id]);
          if (run && (filter.scheduleId === undefined || run.scheduleId === filter.scheduleId)) yield run;
        }
      }),

    schedules: (_actor) =>
      interruptible(async function* (signal) {
        const stopWatching = playbookWatch.start();
        try {
          for await (const id of changedIds('schedule', signal)) {
            const [schedule = null] = await storage.schedules.findMany([id]);
            yield { id, schedule };
          }
        } finally {
          stopWatching();
        }
      }),

    close: () => closing.abort(),
  };
}
