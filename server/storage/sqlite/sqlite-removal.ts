import type { Removal } from '../storage.ts';
import { LOG_TABLES } from './sqlite-run-logs.ts';
import type { Statements } from './sqlite-statements.ts';

/** The index of lists by age serves: a run ends after it was queued, and few old ones are active. */
const OLDEST_ENDED = `SELECT id FROM runs INDEXED BY runs_by_queued
  WHERE queued_at < ? AND finished_at < ? AND status NOT IN ('queued', 'running') ORDER BY queued_at, id LIMIT ?`;
const CHUNKS = Object.values(LOG_TABLES).map(
  (table) =>
    `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE run_id = ? ORDER BY first_line LIMIT ?)`,
);
const TICKS = `DELETE FROM ticks WHERE (schedule_id, scheduled_for) IN (
  SELECT schedule_id, scheduled_for FROM ticks
  WHERE scheduled_for < ? AND NOT EXISTS (
    SELECT 1 FROM runs WHERE runs.id = ticks.run_id AND runs.status IN ('queued', 'running'))
  ORDER BY scheduled_for LIMIT ?)`;

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

  function removeRuns(before: Date, limit: number): number {
    const ids = all<{ id: string }>(OLDEST_ENDED, before.getTime(), before.getTime(), limit);
    for (const { id } of ids) {
      run('INSERT INTO removals (run_id) VALUES (?) ON CONFLICT DO NOTHING', id);
      run('DELETE FROM runs WHERE id = ?', id);
    }
    return ids.length;
  }

  return {
    async runs(before, limit) {
      return transaction(() => {
        const pieces = removeLogs(limit);
        return pieces + removeRuns(before, limit - pieces);
      });
    },

    async ticks(before, limit) {
      return run(TICKS, before.getTime(), limit);
    },
  };
}
