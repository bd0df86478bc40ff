import type { Fact } from '../../domain/facts.ts';
import { createSlices } from '../../domain/long-work.ts';
import type { PageRequest } from '../../domain/page.ts';
import type { Run } from '../../domain/runs/run.ts';
import type { ScheduleFilter, ScheduleOrder, ScheduleSummary } from '../../domain/schedules/schedule.ts';
import type { Tick } from '../../domain/schedules/tick.ts';
import { eachInTurns } from '../pages.ts';
import type { Firing, ManualStart, ScheduleStore, TickStore } from '../storage.ts';
import { NEVER_MS } from '../stored.ts';
import { factOfChange, factOfProblem, factOfTick } from '../stored-facts.ts';
import { LONG_PARAMETERS } from '../stored-parameters.ts';
import type { RecordFacts } from './sqlite-outbox.ts';
import {
  rowToSchedule,
  rowToScheduleSummary,
  rowToTick,
  type ScheduleRow,
  type ScheduleSummaryRow,
  scheduleToRow,
  type TickRow,
  tickToRow,
} from './sqlite-rows.ts';
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
  'name',
  'name_sort',
  'playbook',
  'search',
  'timing',
  'timezone',
  'parameters',
  'policy',
  'enabled',
  'next_run_at',
  'due_at',
  'problem',
  'version',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ScheduleRow)[];

/** Columns of lists. Of long parameters, SQLite reads only the length, not the content. */
const SUMMARY = [
  ...COLUMNS.filter((name) => name !== 'parameters' && name !== 'search'),
  `CASE WHEN octet_length(parameters) > ${LONG_PARAMETERS} THEN NULL ELSE parameters END AS parameters`,
].join(', ');

const INSERT = insertText('schedules', COLUMNS);
const REPLACE = `UPDATE schedules SET ${COLUMNS.filter((name) => name !== 'id')
  .map((name) => `${name} = ?`)
  .join(', ')} WHERE id = ? AND version = ?`;
const INSERT_TICK = insertText(
  'ticks',
  ['schedule_id', 'scheduled_for', 'outcome', 'reason', 'run_id'],
  'ON CONFLICT DO NOTHING',
);

/** Schedules of one playbook read at once. */
const PAGE = 500;

const ACTIVE = "SELECT 1 FROM runs WHERE schedule_id = ? AND status IN ('queued', 'running') LIMIT 1";

const ID = { name: 'id', type: 'string' } as const;
const ORDERS: Record<ScheduleOrder, Order<ScheduleSummaryRow>> = {
  nextRun: {
    columns: [{ name: 'next_run_sort', type: 'number' }, ID],
    isDescending: false,
    key: (row) => [row.next_run_at ?? NEVER_MS, row.id],
  },
  name: {
    columns: [{ name: 'name_sort', type: 'string' }, ID],
    isDescending: false,
    key: (row) => [row.name_sort, row.id],
  },
  created: {
    columns: [{ name: 'created_at', type: 'number' }, ID],
    isDescending: true,
    key: (row) => [row.created_at, row.id],
  },
};
const TICK_ORDER: Order<TickRow> = {
  columns: [{ name: 'scheduled_for', type: 'number' }],
  isDescending: true,
  key: (row) => [row.scheduled_for],
};

/** @param insertRun stores a run inside the transaction of a firing */
export function createSqliteSchedules(
  statements: Statements,
  insertRun: (run: Run) => void,
  record: RecordFacts,
): ScheduleStore {
  const { get, all, run, transaction } = statements;

  const findSummary = (id: string): ScheduleSummary | null => {
    const row = get<ScheduleSummaryRow>(`SELECT ${SUMMARY} FROM schedules WHERE id = ?`, id);
    return row && rowToScheduleSummary(row);
  };

  const list = (filter: ScheduleFilter, order: ScheduleOrder, page: PageRequest) =>
    selectPage(statements, {
      columns: SUMMARY,
      from: 'schedules',
      where: where(filter),
      order: ORDERS[order],
      page,
      map: rowToScheduleSummary,
    });

  async function listOf(playbook: string): Promise<ScheduleSummary[]> {
    const found: ScheduleSummary[] = [];
    let cursor: string | null = null;
    do {
      const page = await list({ playbook }, 'name', { limit: PAGE, cursor, backward: false });
      for (const { node } of page.items) found.push(node);
      cursor = page.hasMore ? (page.items.at(-1)?.cursor ?? null) : null;
    } while (cursor !== null);
    return found;
  }

  /** @param facts receives the facts to be recorded with it */
  function fireOne(firing: Firing, facts: Fact[]): ReadonlySet<string> | null {
    const isOurs =
      run(
        'UPDATE schedules SET next_run_at = ?, due_at = ? WHERE id = ? AND enabled = 1 AND version = ? AND next_run_at = ? AND manual_starts = ifnull(?, manual_starts)',
        firing.nextRunAt?.getTime() ?? null,
        firing.dueAt?.getTime() ?? null,
        firing.scheduleId,
        firing.version,
        firing.expectedNextRunAt.getTime(),
        firing.manualStarts ?? null,
      ) === 1;
    if (!isOurs) return null;
    const inLedger = new Set<string>();
    for (const tick of firing.ticks) {
      if (run(INSERT_TICK, ...tickValues(tick)) === 1) facts.push(factOfTick(tick));
      else if (tick.runId !== null) inLedger.add(tick.runId);
    }
    const stored = firing.runs.filter(({ id }) => !inLedger.has(id));
    for (const started of stored) insertRun(started);
    return new Set(stored.map(({ id }) => id));
  }

  return {
    async insert(schedule) {
      const row = scheduleToRow(schedule);
      await statements.grouped(() => {
        run(INSERT, ...COLUMNS.map((name) => row[name]));
        record([factOfChange(row, 'created')]);
      });
    },

    async find(id) {
      const row = get<ScheduleRow>('SELECT * FROM schedules WHERE id = ?', id);
      return row && rowToSchedule(row);
    },
    findMany: (ids) => eachInTurns(ids, findSummary),

    async replace(schedule, expectedVersion) {
      const row = scheduleToRow(schedule);
      const values = COLUMNS.filter((name) => name !== 'id').map((name) => row[name]);
      return transaction(() => {
        if (run(REPLACE, ...values, schedule.id, expectedVersion) === 0) return false;
        record([factOfChange(row, 'updated')]);
        return true;
      });
    },

    async delete(id) {
      return transaction(() => {
        const row = get<ScheduleRow>('DELETE FROM schedules WHERE id = ? RETURNING *', id);
        if (row) record([factOfChange(row, 'deleted')]);
        return row && rowToSchedule(row);
      });
    },

    // async, so that an invalid cursor rejects as in the other methods
    list: async (filter, order, page) => list(filter, order, page),

    async count(filter) {
      const { conditions, values } = where(filter);
      // this index covers the query, in a fraction of the pages
      const from = filter.search ? 'schedules INDEXED BY schedules_by_search' : 'schedules';
      return (
        get<{ n: number }>(`SELECT count(*) AS n FROM ${from} ${whereText(conditions)}`, ...values)?.n ?? 0
      );
    },

    async listPlaybooks() {
      return all<{ playbook: string }>('SELECT DISTINCT playbook FROM schedules').map(
        ({ playbook }) => playbook,
      );
    },

    async listByPlaybooks(paths) {
      const found = new Map<string, ScheduleSummary[]>();
      const slices = createSlices();
      for (const path of new Set(paths)) {
        found.set(path, await listOf(path));
        await slices.pause();
      }
      return found;
    },

    async listDue(until, limit) {
      return all<ScheduleRow>(
        'SELECT * FROM schedules WHERE enabled = 1 AND due_at <= ? ORDER BY due_at, id LIMIT ?',
        until.getTime(),
        limit,
      ).map(rowToSchedule);
    },

    async listInstants(until) {
      return all<{ due_at: number }>(
        'SELECT DISTINCT due_at FROM schedules WHERE enabled = 1 AND due_at <= ?',
        until.getTime(),
      ).map((row) => new Date(row.due_at));
    },

    async isAwaited(dueAt) {
      const sql = 'SELECT 1 FROM schedules WHERE enabled = 1 AND due_at = ? LIMIT 1';
      return get(sql, dueAt.getTime()) !== null;
    },

    async fire(firings) {
      return transaction(() => {
        const facts: Fact[] = [];
        const stored = firings.map((firing) => fireOne(firing, facts));
        record(facts);
        return stored;
      });
    },

    async startByHand(started, isForced) {
      return transaction((): ManualStart => {
        const { id, scheduleId } = started;
        if (get('SELECT 1 FROM runs WHERE id = ?', id)) return 'taken';
        if (!isForced && get(ACTIVE, scheduleId)) return 'active';
        if (run('UPDATE schedules SET manual_starts = manual_starts + 1 WHERE id = ?', scheduleId) === 0)
          return 'gone';
        insertRun(started);
        return 'started';
      });
    },

    // a transaction leaves nothing half done
    completeFirings: async () => 0,

    async setProblem(id, version, problem) {
      const sql =
        problem === null
          ? 'UPDATE schedules SET problem = ? WHERE id = ? AND version = ?'
          : 'UPDATE schedules SET problem = ?, next_run_at = NULL, due_at = NULL WHERE id = ? AND version = ?';
      return transaction(() => {
        const before = get<{ problem: string | null }>('SELECT problem FROM schedules WHERE id = ?', id);
        if (run(sql, problem, id, version) === 0) return false;
        if (before?.problem !== problem) record([factOfProblem(id, problem)]);
        return true;
      });
    },
  };
}

export function createSqliteTicks(statements: Statements): TickStore {
  return {
    async list(scheduleId, page) {
      const scheduleTicks = { conditions: ['schedule_id = ?'], values: [scheduleId] };
      return selectPage(statements, {
        columns: '*',
        from: 'ticks',
        where: scheduleTicks,
        order: TICK_ORDER,
        page,
        map: rowToTick,
      });
    },
    async count(scheduleId) {
      return (
        statements.get<{ n: number }>('SELECT count(*) AS n FROM ticks WHERE schedule_id = ?', scheduleId)
          ?.n ?? 0
      );
    },
    async explain(scheduleId, scheduledFor, reason) {
      statements.run(
        'UPDATE ticks SET reason = ? WHERE schedule_id = ? AND scheduled_for = ? AND reason IS NULL',
        reason,
        scheduleId,
        scheduledFor.getTime(),
      );
    },
  };
}

function tickValues(tick: Tick): SqlValue[] {
  const row = tickToRow(tick);
  return [row.schedule_id, row.scheduled_for, row.outcome, row.reason, row.run_id];
}

function where(filter: ScheduleFilter): Where {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  if (filter.enabled !== undefined) {
    conditions.push('enabled = ?');
    values.push(Number(filter.enabled));
  }
  if (filter.playbook !== undefined) {
    conditions.push('playbook = ?');
    values.push(filter.playbook);
  }
  if (filter.search !== undefined && filter.search !== '') {
    conditions.push('instr(search, ?) > 0');
    values.push(filter.search.toLowerCase());
  }
  return { conditions, values };
}
