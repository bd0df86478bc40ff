import type { Fact, OutboxRow } from '../../domain/facts.ts';
import type { OutboxStore } from '../storage.ts';
import { orderedId, readFact, writeFact } from '../stored-facts.ts';
import type { Statements } from './sqlite-statements.ts';

interface Row {
  id: string;
  at: number;
  fact: string;
  attempts: number;
}

/** Records facts; call it inside the transaction of the change that they report. */
export type RecordFacts = (facts: readonly Fact[]) => void;

export function createSqliteOutbox(statements: Statements): OutboxStore & { readonly record: RecordFacts } {
  const { get, all, run, transaction } = statements;
  return {
    record(facts) {
      if (facts.length === 0) return;
      const now = new Date();
      // one statement for all: a statement costs more than its row
      run(
        'INSERT INTO outbox (id, at, fact, due_at) SELECT value ->> 0, ?, value ->> 1, ? FROM json_each(?)',
        now.getTime(),
        now.getTime(),
        JSON.stringify(facts.map((fact) => [orderedId(now), writeFact(fact)])),
      );
    },

    async claim(workerId, limit, leaseUntil, now) {
      const due = 'SELECT id FROM outbox WHERE due_at <= ? ORDER BY due_at, id LIMIT ?';
      const claim =
        'UPDATE outbox SET due_at = ?, worker_id = ?, attempts = attempts + 1 WHERE id = ? RETURNING id, at, fact, attempts';
      return transaction(() =>
        all<{ id: string }>(due, now.getTime(), limit).flatMap(({ id }): OutboxRow[] => {
          const row = get<Row>(claim, leaseUntil.getTime(), workerId, id);
          if (!row) return [];
          const { at, fact, attempts } = row;
          return [{ id, at: new Date(at), fact: readFact(fact), attempts }];
        }),
      );
    },

    async retry(workerId, id, at) {
      const sql = 'UPDATE outbox SET due_at = ?, worker_id = NULL WHERE id = ? AND worker_id = ?';
      return run(sql, at.getTime(), id, workerId) === 1;
    },

    async remove(ids) {
      if (ids.length > 0)
        run('DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids));
    },
  };
}
