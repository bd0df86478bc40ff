import type { ClaimedMessage, Delivery } from '../../domain/notices/delivery.ts';
import type { DeliveryFilter, DeliveryStore } from '../notice-stores.ts';
import { MAX_IN_MESSAGE, readDelivery, readState, writeNotice, writeState } from '../stored-notices.ts';
import {
  insertText,
  type Order,
  type Statements,
  selectPage,
  type Where,
  whereText,
} from './sqlite-statements.ts';

interface DeliveryRow {
  id: string;
  channel_id: string;
  event: string;
  schedule_id: string;
  run_id: string | null;
  notice: string;
  created_at: number;
  state: string;
  attempts: number;
  next_attempt_at: number | null;
  delivered_at: number | null;
  answer: string | null;
  /** When it may be claimed, as the first of a message; null: it is not pending, or another one is the first. */
  due_at: number | null;
  /** Id of the first delivery of the message; null: it waits for one. */
  message_id: string | null;
  worker_id: string | null;
}

const COLUMNS = [
  'id',
  'channel_id',
  'event',
  'schedule_id',
  'run_id',
  'notice',
  'created_at',
  'state',
  'attempts',
  'next_attempt_at',
  'delivered_at',
  'answer',
  'due_at',
] as const satisfies readonly (keyof DeliveryRow)[];
const INSERT = insertText('deliveries', COLUMNS, 'ON CONFLICT DO NOTHING');
const NEWEST_FIRST: Order<DeliveryRow> = {
  columns: [
    { name: 'created_at', type: 'number' },
    { name: 'id', type: 'string' },
  ],
  isDescending: true,
  key: (row) => [row.created_at, row.id],
};
const NOT_PENDING = "state <> 'pending'";

export function createSqliteDeliveries(statements: Statements): DeliveryStore {
  const { get, all, run, transaction } = statements;
  const find = (id: string) => get<DeliveryRow>('SELECT * FROM deliveries WHERE id = ?', id);

  function insert(delivery: Delivery): void {
    const row = deliveryToRow(delivery);
    run(INSERT, ...COLUMNS.map((name) => row[name]));
  }

  return {
    async findState(scheduleId) {
      const sql = 'SELECT state, version FROM notice_states WHERE schedule_id = ?';
      const row = get<{ state: string; version: number }>(sql, scheduleId);
      return { state: readState(row?.state ?? null), version: row?.version ?? 0 };
    },

    async advance(scheduleId, expectedVersion, state, deliveries) {
      const [insertState, replaceState] = [
        'INSERT INTO notice_states (state, schedule_id, version) VALUES (?, ?, 1) ON CONFLICT DO NOTHING',
        'UPDATE notice_states SET state = ?, version = version + 1 WHERE schedule_id = ? AND version = ?',
      ];
      return transaction(() => {
        const json = writeState(state);
        const stored =
          expectedVersion === 0
            ? run(insertState, json, scheduleId)
            : run(replaceState, json, scheduleId, expectedVersion);
        if (stored !== 1) return false;
        for (const delivery of deliveries) insert(delivery);
        return true;
      });
    },

    async claim(workerId, leaseUntil, now, exceptChannels) {
      const due =
        'SELECT * FROM deliveries WHERE due_at <= ? AND channel_id NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at, id LIMIT 1';
      const waiting =
        "SELECT id FROM deliveries WHERE channel_id = ? AND message_id IS NULL AND state = 'pending' AND id <> ? ORDER BY created_at, id LIMIT ?";
      return transaction((): ClaimedMessage | null => {
        const first = get<DeliveryRow>(due, now.getTime(), JSON.stringify(exceptChannels));
        if (!first) return null;
        if (first.message_id === null) {
          run(
            `UPDATE deliveries SET message_id = ?, due_at = NULL WHERE id IN (${waiting})`,
            first.id,
            first.channel_id,
            first.id,
            MAX_IN_MESSAGE - 1,
          );
        }
        run(
          'UPDATE deliveries SET due_at = ?, worker_id = ?, message_id = id, attempts = attempts + 1 WHERE id = ?',
          leaseUntil.getTime(),
          workerId,
          first.id,
        );
        const rows = all<DeliveryRow>(
          'SELECT * FROM deliveries WHERE message_id = ? ORDER BY created_at, id',
          first.id,
        );
        return {
          id: first.id,
          channelId: first.channel_id,
          attempts: first.attempts + 1,
          deliveries: rows.map(rowToDelivery),
        };
      });
    },

    async settle(messageId, workerId, attempts, { state, at, nextAttemptAt, answer }) {
      const isHeld =
        "SELECT 1 FROM deliveries WHERE id = ? AND worker_id = ? AND attempts = ? AND state = 'pending'";
      const settled =
        "UPDATE deliveries SET state = ?, attempts = ?, next_attempt_at = ?, delivered_at = ?, answer = ? WHERE message_id = ? AND state <> 'delivered'";
      const nextMs = nextAttemptAt?.getTime() ?? null;
      return transaction(() => {
        if (!get(isHeld, messageId, workerId, attempts)) return false;
        const deliveredAt = state === 'delivered' ? at.getTime() : null;
        run(settled, state, attempts, nextMs, deliveredAt, answer.toWellFormed(), messageId);
        run('UPDATE deliveries SET due_at = ?, worker_id = NULL WHERE id = ?', nextMs, messageId);
        return true;
      });
    },

    async resend(id, now) {
      const sql = `UPDATE deliveries SET state = 'pending', attempts = 0, due_at = ?, next_attempt_at = ?, delivered_at = NULL,
        message_id = CASE WHEN message_id = id THEN id END WHERE id = ? AND ${NOT_PENDING}`;
      const isDone = run(sql, now.getTime(), now.getTime(), id) === 1;
      const row = isDone ? find(id) : null;
      return row && rowToDelivery(row);
    },

    async find(id) {
      const row = find(id);
      return row && rowToDelivery(row);
    },

    list: (filter, page) =>
      selectPage(statements, {
        columns: '*',
        from: 'deliveries',
        where: whereOf(filter),
        order: NEWEST_FIRST,
        page,
        map: rowToDelivery,
      }),

    async count(filter) {
      const { conditions, values } = whereOf(filter);
      const sql = `SELECT count(*) AS n FROM deliveries ${whereText(conditions)}`;
      return get<{ n: number }>(sql, ...values)?.n ?? 0;
    },

    async lastOfChannels(channelIds) {
      const newest =
        'SELECT * FROM deliveries WHERE channel_id = ? ORDER BY created_at DESC, id DESC LIMIT 1';
      const rows = channelIds.map((id) => get<DeliveryRow>(newest, id)).filter((row) => row !== null);
      return new Map(rows.map((row) => [row.channel_id, rowToDelivery(row)]));
    },

    async remove(which, limit) {
      const [condition, value] =
        'before' in which
          ? [`created_at < ? AND ${NOT_PENDING}`, which.before.getTime()]
          : ['channel_id = ?', which.channelId];
      const oldest = `SELECT id FROM deliveries WHERE ${condition} ORDER BY created_at, id LIMIT ?`;
      return run(`DELETE FROM deliveries WHERE id IN (${oldest})`, value, limit);
    },
  };
}

function whereOf({ channelId }: DeliveryFilter): Where {
  return channelId === undefined
    ? { conditions: [], values: [] }
    : { conditions: ['channel_id = ?'], values: [channelId] };
}

function deliveryToRow(delivery: Delivery): Pick<DeliveryRow, (typeof COLUMNS)[number]> {
  return {
    id: delivery.id,
    channel_id: delivery.channelId,
    event: delivery.event,
    schedule_id: delivery.scheduleId,
    run_id: delivery.runId,
    notice: writeNotice(delivery.notice),
    created_at: delivery.createdAt.getTime(),
    state: delivery.state,
    attempts: delivery.attempts,
    next_attempt_at: delivery.nextAttemptAt?.getTime() ?? null,
    delivered_at: delivery.deliveredAt?.getTime() ?? null,
    answer: delivery.answer,
    due_at: delivery.nextAttemptAt?.getTime() ?? null,
  };
}

function rowToDelivery(row: DeliveryRow): Delivery {
  const toDate = (ms: number | null) => (ms === null ? null : new Date(ms));
  return readDelivery({
    id: row.id,
    channelId: row.channel_id,
    event: row.event,
    scheduleId: row.schedule_id,
    runId: row.run_id,
    notice: row.notice,
    createdAt: new Date(row.created_at),
    state: row.state,
    attempts: row.attempts,
    nextAttemptAt: toDate(row.next_attempt_at),
    deliveredAt: toDate(row.delivered_at),
    answer: row.answer,
  });
}
