import type { ActiveRun, Run, RunEnd, RunFilter, RunStatus, RunSummary } from '../../domain/runs/run.ts';
import { eachInTurns } from '../pages.ts';
import type { RunStore } from '../storage.ts';
import { factsOfRun } from '../stored-facts.ts';
import type { RecordFacts } from './sqlite-outbox.ts';
import { NOTE_REMOVAL } from './sqlite-removal.ts';
import { type RunRow, rowToRun, rowToRunSummary, runToRow } from './sqlite-rows.ts';
import {
  insertText,
  type Order,
  type SqlValue,
  type Statements,
  selectPage,
  type Where,
  whereText,
} from './sqlite-statements.ts';

const COLUMNS = [
  'id',
  'playbook',
  'parameters',
  'status',
  'trigger',
  'schedule_id',
  'scheduled_for',
  'queued_at',
  'started_at',
  'finished_at',
  'working_folder',
  'ansible_config',
  'exit_code',
  'reason',
  'worker_id',
  'lease_until',
  'cancel_requested_at',
  'retry_of',
  'only_hosts',
] as const satisfies readonly (keyof RunRow)[];

/** Columns of every read except `find`. */
const SUMMARY = COLUMNS.filter((name) => name !== 'parameters' && name !== 'only_hosts').join(', ');
type SummaryRow = Omit<RunRow, 'parameters' | 'only_hosts'>;

const INSERT = insertText('runs', COLUMNS);
const NEWEST_FIRST: Order<SummaryRow> = {
  columns: [
    { name: 'queued_at', type: 'number' },
    { name: 'id', type: 'string' },
  ],
  isDescending: true,
  key: (row) => [row.queued_at, row.id],
};
const EXISTS = 'SELECT 1 FROM runs WHERE id = ?';
const FAILED: readonly RunStatus[] = ['failed', 'timedOut', 'lost'];
const FINISH = `UPDATE runs SET status = ?, exit_code = ?, reason = ?, finished_at = ?, lease_until = NULL WHERE id = ? AND worker_id IS ?`;

/** @returns the store, and how a firing stores its runs inside its own transaction */
export function createSqliteRuns(
  statements: Statements,
  record: RecordFacts,
): RunStore & { insertNow(run: Run): void } {
  const { get, all, run, transaction } = statements;
  const insertNow = (inserted: Run) => {
    const row = runToRow(inserted);
    run(INSERT, ...COLUMNS.map((name) => row[name]));
    record(factsOfRun(inserted));
  };
  const one = (sql: string, ...values: SqlValue[]): RunSummary | null => {
    const row = get<SummaryRow>(sql, ...values);
    return row && rowToRunSummary(row);
  };
  const findSummary = (id: string) => one(`SELECT ${SUMMARY} FROM runs WHERE id = ?`, id);

  /** @param sql takes a lease, an id and a worker, in this order @returns the changed runs */
  const leaseEach = (sql: string, workerId: string, ids: readonly string[], leaseUntil: Date): RunSummary[] =>
    transaction(() => ids.flatMap((id) => one(sql, leaseUntil.getTime(), id, workerId) ?? []));

  /** Call it inside a transaction. */
  const finish = (
    id: string,
    workerId: string | null,
    end: RunEnd,
    leaseBefore?: Date,
  ): RunSummary | null => {
    const from: string[] = [];
    if (workerId !== null) from.push("'running'");
    if (workerId !== null && end.status !== 'lost' && !leaseBefore) from.push("'lost'");
    if (workerId === null && (end.status === 'canceled' || end.status === 'failed')) from.push("'queued'");
    if (from.length === 0) return null;
    const values: SqlValue[] = [
      end.status,
      end.exitCode,
      end.reason?.toWellFormed() ?? null,
      end.finishedAt.getTime(),
      id,
      workerId,
    ];
    const lease = leaseBefore ? ' AND lease_until < ?' : '';
    if (leaseBefore) values.push(leaseBefore.getTime());
    const ended = one(`${FINISH} AND status IN (${from.join(', ')})${lease} RETURNING ${SUMMARY}`, ...values);
    if (ended) record(factsOfRun(ended));
    return ended;
  };

  return {
    insertNow,
    insert: (inserted) => statements.grouped(() => insertNow(inserted)),
    insertNew: (inserted) =>
      statements.grouped(() => {
        if (findSummary(inserted.id)) return false;
        insertNow(inserted);
        return true;
      }),
    async find(id) {
      const row = get<RunRow>('SELECT * FROM runs WHERE id = ?', id);
      return row && rowToRun(row);
    },
    findMany: (ids) => eachInTurns(ids, findSummary),

    async list(filter, page) {
      return selectPage(statements, {
        columns: SUMMARY,
        from: 'runs',
        where: where({ ...filter, status: undefined }),
        ...(filter.status && filter.status.length > 0
          ? { anyOf: { name: 'status', values: [...new Set(filter.status)] } }
          : {}),
        order: NEWEST_FIRST,
        page,
        map: rowToRunSummary,
      });
    },

    async count(filter) {
      const { conditions, values } = where(filter);
      return get<{ n: number }>(`SELECT count(*) AS n FROM runs ${whereText(conditions)}`, ...values)?.n ?? 0;
    },

    async lastOfSchedules(scheduleIds) {
      const found = new Map<string, RunSummary>();
      for (const id of scheduleIds) {
        const last = one(
          `SELECT ${SUMMARY} FROM runs WHERE schedule_id = ? ORDER BY queued_at DESC, id DESC LIMIT 1`,
          id,
        );
        if (last) found.set(id, last);
      }
      return found;
    },

    async outcomesOf(scheduleId) {
      const newest =
        "SELECT queued_at, id, finished_at FROM runs WHERE schedule_id = ? AND status = 'succeeded' ORDER BY queued_at DESC, id DESC LIMIT 1";
      const after =
        'SELECT count(*) AS n FROM runs WHERE schedule_id = ? AND status = ? AND (queued_at, id) > (?, ?)';
      const last = get<Pick<RunRow, 'queued_at' | 'id' | 'finished_at'>>(newest, scheduleId);
      const counts = FAILED.map(
        (status) =>
          get<{ n: number }>(after, scheduleId, status, last?.queued_at ?? 0, last?.id ?? '')?.n ?? 0,
      );
      return {
        lastSuccessAt: last?.finished_at == null ? null : new Date(last.finished_at),
        consecutiveFailures: counts.reduce((sum, count) => sum + count, 0),
      };
    },

    async listActive(scheduleIds) {
      const sql = "SELECT id, status FROM runs WHERE schedule_id = ? AND status IN ('queued', 'running')";
      return new Map(
        scheduleIds.flatMap((id) => {
          const active = all<ActiveRun>(sql, id);
          return active.length > 0 ? [[id, active]] : [];
        }),
      );
    },

    async claim(id, workerId, startedAt, leaseUntil, place) {
      return one(
        `UPDATE runs SET status = 'running', worker_id = ?, started_at = ?, lease_until = ?, working_folder = ?, ansible_config = ? WHERE id = ? AND status = 'queued' RETURNING ${SUMMARY}`,
        workerId,
        startedAt.getTime(),
        leaseUntil.getTime(),
        place.workingFolder,
        place.ansibleConfig,
        id,
      );
    },

    async unclaim(id, workerId) {
      return one(
        `UPDATE runs SET status = 'queued', worker_id = NULL, started_at = NULL, lease_until = NULL, working_folder = NULL, ansible_config = NULL WHERE id = ? AND worker_id = ? AND status = 'running' RETURNING ${SUMMARY}`,
        id,
        workerId,
      );
    },

    finish: async (id, workerId, end, leaseBefore) =>
      transaction(() => finish(id, workerId, end, leaseBefore)),

    async finishOwn(workerId, ends) {
      transaction(() => {
        for (const { id, end } of ends) {
          // it was lost for so long that it was removed; what was stored of its log since goes, too
          if (finish(id, workerId, end) === null && get(EXISTS, id) === null) run(NOTE_REMOVAL, id);
        }
      });
    },

    async requestCancel(id, at) {
      return one(
        `UPDATE runs SET cancel_requested_at = ifnull(cancel_requested_at, ?) WHERE id = ? AND status IN ('queued', 'running') RETURNING ${SUMMARY}`,
        at.getTime(),
        id,
      );
    },

    async renewLeases(workerId, ids, leaseUntil) {
      const sql = `UPDATE runs SET lease_until = ? WHERE id = ? AND worker_id = ? AND status = 'running' RETURNING ${SUMMARY}`;
      return leaseEach(sql, workerId, ids, leaseUntil);
    },

    async revive(workerId, ids, leaseUntil) {
      const sql = `UPDATE runs SET status = 'running', lease_until = ?, finished_at = NULL, reason = NULL WHERE id = ? AND worker_id = ? AND status = 'lost' RETURNING ${SUMMARY}`;
      return leaseEach(sql, workerId, ids, leaseUntil);
    },

    async listRunningOf(workerId) {
      return all<SummaryRow>(
        `SELECT ${SUMMARY} FROM runs WHERE worker_id = ? AND status = 'running' ORDER BY id`,
        workerId,
      ).map(rowToRunSummary);
    },

    async listExpired(now, limit) {
      const sql = `SELECT ${SUMMARY} FROM runs INDEXED BY runs_running_by_lease WHERE status = 'running' AND lease_until < ? ORDER BY lease_until LIMIT ?`;
      return all<SummaryRow>(sql, now.getTime(), limit).map(rowToRunSummary);
    },

    async listQueued(queuedBefore, limit) {
      const sql = `SELECT ${SUMMARY} FROM runs WHERE status = 'queued' AND queued_at < ? ORDER BY queued_at, id LIMIT ?`;
      return all<SummaryRow>(sql, queuedBefore.getTime(), limit).map(rowToRunSummary);
    },
  };
}

function where(filter: RunFilter): Where {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  if (filter.scheduleId !== undefined) {
    conditions.push('schedule_id = ?');
    values.push(filter.scheduleId);
  }
  if (filter.playbook !== undefined) {
    conditions.push('playbook = ?');
    values.push(filter.playbook);
  }
  if (filter.status && filter.status.length > 0) {
    conditions.push(`status IN (${filter.status.map(() => '?').join(', ')})`);
    values.push(...filter.status);
  }
  return { conditions, values };
}
