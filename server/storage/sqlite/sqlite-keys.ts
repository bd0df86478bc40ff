import type { KeyBinding } from '../../domain/runs/idempotency.ts';
import type { KeyStore } from '../storage.ts';
import type { Statements } from './sqlite-statements.ts';

interface KeyRow {
  key: string;
  request: string;
  id: string;
  bound_at: number;
  is_done: number;
}

export function createSqliteKeys({ get, run, transaction }: Statements): KeyStore {
  const find = (key: string): KeyBinding | null => {
    const row = get<KeyRow>('SELECT * FROM keys WHERE key = ?', key);
    return (
      row && {
        key: row.key,
        request: row.request,
        id: row.id,
        boundAt: new Date(row.bound_at),
        isDone: row.is_done === 1,
      }
    );
  };
  return {
    find: async (key) => find(key),

    async bind(binding, since) {
      return transaction(() => {
        const found = find(binding.key);
        if (found && found.boundAt >= since) return found;
        const { key, request, id, boundAt, isDone } = binding;
        const sql =
          'INSERT OR REPLACE INTO keys (key, request, id, bound_at, is_done) VALUES (?, ?, ?, ?, ?)';
        run(sql, key, request, id, boundAt.getTime(), Number(isDone));
        return binding;
      });
    },

    async markDone(key, id) {
      run('UPDATE keys SET is_done = 1 WHERE key = ? AND id = ?', key, id);
    },

    async forget(before, limit) {
      const oldest = 'SELECT key FROM keys WHERE bound_at < ? ORDER BY bound_at LIMIT ?';
      return run(`DELETE FROM keys WHERE key IN (${oldest})`, before.getTime(), limit);
    },
  };
}
