import { isFinished } from '../../domain/runs/run.ts';
import type { Runner } from '../../runner/runner.ts';
import type { RunStore } from '../../storage/storage.ts';

/** Removes spool folders that belong to no run, or to one that has ended and is stored. */
export interface SpoolCleaning {
  /**
   * Looks at the folders, unless it did so lately, and removes those that were orphaned at the last look, too.
   * Rejects when one could not be removed, after the others.
   */
  look(): Promise<void>;
}

export interface SpoolCleaningOptions {
  readonly runs: Pick<RunStore, 'findMany'>;
  readonly runner: Pick<Runner, 'listSpooled' | 'isSupervised' | 'discard'>;
  /** Whether the run is in progress here or about to start. */
  isTaken(runId: string): boolean;
  /** Longer than a run may be prepared before it is stored. */
  readonly everyMs: number;
}

/** Folders removed in one look: each takes a few calls of the file system. */
const REMOVED_AT_ONCE = 100;
const ASKED_AT_ONCE = 100;

export function createSpoolCleaning({ runs, runner, isTaken, everyMs }: SpoolCleaningOptions): SpoolCleaning {
  let orphaned = new Set<string>();
  let last: number | null = null;

  async function findOrphaned(): Promise<Set<string>> {
    const ids = (await runner.listSpooled()).filter((id) => !isTaken(id));
    const found = new Set<string>();
    for (let at = 0; at < ids.length; at += ASKED_AT_ONCE) {
      const some = ids.slice(at, at + ASKED_AT_ONCE);
      for (const [i, run] of (await runs.findMany(some)).entries()) {
        const id = some[i] ?? '';
        // a lost run may yet be reattached to
        const isOver = run === null || (isFinished(run.status) && run.status !== 'lost');
        if (isOver && !isTaken(id)) found.add(id);
      }
    }
    return found;
  }

  return {
    async look() {
      const now = performance.now();
      if (last !== null && now - last < everyMs) return;
      last = now;
      const found = await findOrphaned();
      const lasting = [...found].filter((id) => orphaned.has(id));
      const failed: unknown[] = [];
      for (const id of lasting.slice(0, REMOVED_AT_ONCE)) {
        if (isTaken(id) || (await runner.isSupervised(id))) continue;
        try {
          await runner.discard(id);
          found.delete(id);
        } catch (error) {
          // one that cannot be removed must not keep the others
          failed.push(error);
        }
      }
      orphaned = found;
      if (failed.length > 0) throw failed[0];
    },
  };
}
