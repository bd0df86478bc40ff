import type { Database } from 'libsql';
import { decodeCursor, encodeCursor, type Page, type PageRequest, type SortKey } from '../../domain/page.ts';
import { fillPage } from '../pages.ts';

export type SqlValue = string | number | null | Buffer;

/** Statements of one database, each compiled once. Queries are few, and filters add only a handful of variants. */
export interface Statements {
  run(sql: string, ...values: readonly SqlValue[]): number;
  get<Row>(sql: string, ...values: readonly SqlValue[]): Row | null;
  all<Row>(sql: string, ...values: readonly SqlValue[]): Row[];
  /** All or nothing; the work must be synchronous. */
  transaction<T>(work: () => T): T;
  /**
   * Does the work in one transaction with all other such work requested at about the same time: a commit costs
   * more than a row. Work that throws is rolled back and rejects alone. Resolves after the commit.
   */
  grouped<T>(work: () => T): Promise<T>;
}

/** Work that waits for the rest of its group. */
interface Grouped {
  attempt(): () => void;
  reject(error: unknown): void;
}

export function createStatements(db: Database): Statements {
  const prepared = new Map<string, ReturnType<Database['prepare']>>();
  const statement = (sql: string) => {
    let found = prepared.get(sql);
    if (!found) {
      found = db.prepare(sql);
      prepared.set(sql, found);
    }
    return found;
  };
  const run = (sql: string, ...values: readonly SqlValue[]) => statement(sql).run(values).changes;

  function transaction<T>(work: () => T): T {
    // immediate: a transaction that starts to write later could be refused half-way
    run('BEGIN IMMEDIATE');
    try {
      const result = work();
      run('COMMIT');
      return result;
    } catch (error) {
      if (db.inTransaction) run('ROLLBACK');
      throw error;
    }
  }

  let group: Grouped[] = [];

  function commitGroup(): void {
    const works = group;
    group = [];
    try {
      const answers = transaction(() => works.map(({ attempt }) => attempt()));
      for (const answer of answers) answer();
    } catch (error) {
      for (const { reject } of works) reject(error);
    }
  }

  /** @returns a function that reports the outcome, to be called once everything is committed */
  function attemptOf<T>(work: () => T, resolve: (value: T) => void, reject: (error: unknown) => void) {
    return () => {
      run('SAVEPOINT one');
      try {
        const result = work();
        run('RELEASE one');
        return () => resolve(result);
      } catch (error) {
        run('ROLLBACK TO one');
        run('RELEASE one');
        return () => reject(error);
      }
    };
  }

  return {
    run,
    get: <Row>(sql: string, ...values: readonly SqlValue[]) =>
      (statement(sql).get(values) as Row | undefined) ?? null,
    all: <Row>(sql: string, ...values: readonly SqlValue[]) => statement(sql).all(values) as Row[],
    transaction,
    grouped: <T>(work: () => T) =>
      new Promise<T>((resolve, reject) => {
        if (group.length === 0) setImmediate(commitGroup);
        group.push({ attempt: attemptOf(work, resolve, reject), reject });
      }),
  };
}

/** A sort order of a table: its columns, all in the same direction, the last one unique. */
export interface Order<Row> {
  readonly columns: readonly { readonly name: string; readonly type: 'string' | 'number' }[];
  readonly isDescending: boolean;
  key(row: Row): SortKey;
}

export interface Where {
  /** Conditions joined by AND; empty: all rows. */
  readonly conditions: readonly string[];
  readonly values: readonly SqlValue[];
}

interface PageQuery<Row> {
  readonly columns: string;
  readonly from: string;
  readonly where: Where;
  /**
   * A column that has any of these values. Each value is queried separately: an index is in order only within
   * one.
   */
  readonly anyOf?: { readonly name: string; readonly values: readonly SqlValue[] };
  readonly order: Order<Row>;
  readonly page: PageRequest;
}

/** Reads one page by keyset: the cost does not grow with the number of preceding rows. */
export function selectPage<Row extends object, T>(
  statements: Statements,
  query: PageQuery<Row> & { map(row: Row): T },
): Promise<Page<T>> {
  return fillPage(rowsOf(statements, query), query.page, (row) => ({
    node: query.map(row),
    cursor: encodeCursor(query.order.key(row)),
  }));
}

/** The largest rows take about 40 ms at this number. */
const ROWS_AT_ONCE = 25;

function* rowsOf<Row>(statements: Statements, query: PageQuery<Row>): Generator<Row, void, undefined> {
  const { order, page } = query;
  const types = order.columns.map((column) => column.type);
  let after = page.cursor === null ? null : decodeCursor(page.cursor, types);
  // one extra row tells whether there are more
  for (let left = page.limit + 1; left > 0; left -= ROWS_AT_ONCE) {
    const limit = Math.min(left, ROWS_AT_ONCE);
    const rows = selectBehind(statements, query, after, limit);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return;
    after = order.key(last);
  }
}

function selectBehind<Row>(
  statements: Statements,
  { columns, from, where, anyOf, order, page }: PageQuery<Row>,
  after: SortKey | null,
  limit: number,
): Row[] {
  const names = order.columns.map((column) => column.name);
  // backward reads the same order from its other end
  const goesDown = order.isDescending !== page.backward;
  const conditions = [...where.conditions];
  const values = [...where.values];
  if (after !== null) {
    conditions.push(`(${names.join(', ')}) ${goesDown ? '<' : '>'} (${names.map(() => '?').join(', ')})`);
    values.push(...after);
  }
  const end = `ORDER BY ${names.map((name) => `${name} ${goesDown ? 'DESC' : 'ASC'}`).join(', ')} LIMIT ?`;
  const selectOf = (wanted: readonly string[]) =>
    `SELECT ${columns} FROM ${from} ${whereText(wanted)} ${end}`;
  if (!anyOf) return statements.all<Row>(selectOf(conditions), ...values, limit);
  const parts = anyOf.values.map(() => `SELECT * FROM (${selectOf([...conditions, `${anyOf.name} = ?`])})`);
  const partValues = anyOf.values.flatMap((value) => [...values, value, limit]);
  return statements.all<Row>(`${parts.join(' UNION ALL ')} ${end}`, ...partValues, limit);
}

export function whereText(conditions: readonly string[]): string {
  return conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
}

/** An INSERT of named columns, in a fixed order. */
export function insertText(table: string, columns: readonly string[], onConflict = ''): string {
  return `INSERT INTO ${table} (${columns.map((name) => `"${name}"`).join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ${onConflict}`;
}
