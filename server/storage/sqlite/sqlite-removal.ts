import type { Removal } from '../storage.ts';
import { LOG_TABLES } from './sqlite-run-logs.ts';
import type { Statements } from './sqlite-statements.ts';

const ENDED_RUN = "DELETE FROM runs WHERE id = ? AND finished_at = ? AND status NOT IN ('queued', 'running')";
/** A note that the logs of a run that is gone are to be removed. */
export const NOTE_REMOVAL = 'INSERT INTO removals (run_id) VALUES (?) ON CONFLICT DO NOTHING';
const CHUNKS = Object.values(LOG_TABLES).map(
  (table) =>
    `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE run_id = ? ORDER BY first_line LIMIT ?)`,
);
const TICKS = `DELETE FROM ticks WHERE (schedule_id, scheduled_for) IN (
  SELECT schedule_id, scheduled_for FROM ticks INDEXED BY ticks_by_instant
  WHERE scheduled_for < ? AND NOT EXISTS (
    SELECT 1 FROM runs WHERE runs.id = ticks.run_id AND runs.status IN ('queued', 'running'))
  ORDER BY scheduled_for LIMIT ?)`;

/** Free pages that stay in the file, since new rows take them soon: so much of it, and at least these. */
const KEPT_FREE_SHARE = 0.05;
const MIN_KEPT_FREE_BYTES = 16_777_216;
const INCREMENTAL = 2;

/**
 * Removes a run in one step with a note that its logs are to be removed. They are removed in pieces, because a
 * long one would block everything else, and the note goes with the last piece.
 */
export function createSqliteRemoval({ get, all, run, transaction }: Statements): Removal {
  /** @returns how many chunks were removed */
  function removeLogs(limit: number): number {
    let removed = 0;
    while (removed < limit) {
      const next = get<{ run_id: string }>('SELECT run_id FROM removals LIMIT 1');
      if (!next) break;
      const left = limit - removed;
      let pieces = 0;
      for (const chunks of CHUNKS) if (pieces < left) pieces += run(chunks, next.run_id, left - pieces);
      removed += pieces;
      if (pieces < left) run('DELETE FROM removals WHERE run_id = ?', next.run_id);
    }
    return removed;
  }

  function pragma(name: string): number {
    return Number(Object.values(get<object>(`PRAGMA ${name}`) ?? {})[0]);
  }

  return {
    async runs(ended) {
      return transaction(() => {
        let removed = 0;
        for (const { id, finishedAt } of ended) {
          if (run(ENDED_RUN, id, finishedAt.getTime()) === 0) continue;
          run(NOTE_REMOVAL, id);
          removed += 1;
        }
        return removed;
      });
    },

    async logs(limit) {
      return transaction(() => removeLogs(limit));
    },

    async ticks(before, limit) {
      return run(TICKS, before.getTime(), limit);
    },

    async size() {
      return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
    },

    async reclaim(limit) {
      const [pageBytes, pages, free] = [pragma('page_size'), pragma('page_count'), pragma('freelist_count')];
      const kept = Math.max(MIN_KEPT_FREE_BYTES / pageBytes, pages * KEPT_FREE_SHARE);
      const wanted = Math.floor(Math.min(limit / pageBytes, free - kept));
      // the file of an earlier version reuses its pages: to change that, all of it would have to be copied
      if (wanted <= 0 || pragma('auto_vacuum') !== INCREMENTAL) return 0;
      all(`PRAGMA incremental_vacuum(${wanted})`);
      return (pages - pragma('page_count')) * pageBytes;
    },
  };
}
