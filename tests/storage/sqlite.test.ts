import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { openSqliteStorage } from '../../server/storage/sqlite/sqlite-storage.ts';
import type { Storage } from '../../server/storage/storage.ts';
import { describeJobBackendContract } from '../contract/job-backend-contract.ts';
import { factsOf } from '../contract/outbox-contract.ts';
import { describeStorageContract } from '../contract/storage-contract.ts';
import { makeEnd, makeFiring, makeRun, makeSchedule } from '../support/make.ts';
import { makeTempDir } from '../support/temp-dir.ts';

describeStorageContract('sqlite', async () => {
  const folder = await makeTempDir();
  const path = join(folder.path, 'data', 'sible.sqlite');
  let storage: Storage = await openSqliteStorage(path);
  return {
    storage,
    async reopen() {
      await storage.close();
      storage = await openSqliteStorage(path);
      return storage;
    },
    async dispose() {
      await storage.close();
      await folder.remove();
    },
  };
});

describeJobBackendContract('sqlite', async () => {
  const folder = await makeTempDir();
  const storage = await openSqliteStorage(join(folder.path, 'sible.sqlite'));
  return {
    backend: storage.jobBackend,
    async close() {
      await storage.close();
      await folder.remove();
    },
  };
});

describe('the file', () => {
  async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
    const folder = await makeTempDir();
    try {
      await work(folder.path);
    } finally {
      await folder.remove();
    }
  }

  it('can be read by its owner only', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'below', 'sible.sqlite');
      await (await openSqliteStorage(path)).close();
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }));

  it('is refused when it is no database, not ours, or newer', () =>
    inFolder(async (folder) => {
      writeFileSync(join(folder, 'text'), 'no database, '.repeat(1_000));
      await expect(openSqliteStorage(join(folder, 'text'))).rejects.toThrow(
        /cannot be opened|not a database/,
      );

      const other = new Database(join(folder, 'other'));
      other.exec('CREATE TABLE theirs (x)');
      other.close();
      const before = readFileSync(join(folder, 'other'));
      await expect(openSqliteStorage(join(folder, 'other'))).rejects.toThrow(/another program/);
      expect(readFileSync(join(folder, 'other')).equals(before)).toBe(true);

      const damaged = join(folder, 'damaged');
      writeFileSync(
        damaged,
        Buffer.concat([before.subarray(0, 100), Buffer.alloc(before.length - 100, 0x7f)]),
      );
      await expect(openSqliteStorage(damaged)).rejects.toThrow(/"[^"]*damaged" cannot be read as a database/);

      const newer = join(folder, 'newer');
      await (await openSqliteStorage(newer)).close();
      const raw = new Database(newer);
      raw.exec('PRAGMA user_version = 99');
      raw.close();
      await expect(openSqliteStorage(newer)).rejects.toThrow(/newer version of Sible/);
    }));

  it.each([
    ['timing', '{"kind":"moon"}'],
    ['policy', '{"overlap":"moon"}'],
    ['policy', '{"graceSeconds":-1}'],
    ['policy', '[]'],
    ['policy', 'moon'],
    ['parameters', '{"limit":1}'],
  ])('shows a schedule whose %s is %s with a problem, and the others as they are', (field, json) =>
    inFolder(async (folder) => {
      const path = join(folder, 'sible.sqlite');
      const storage = await openSqliteStorage(path);
      const [broken, sound] = [makeSchedule({ name: 'a' }), makeSchedule({ name: 'b' })];
      await storage.schedules.insert(broken);
      await storage.schedules.insert(sound);
      const raw = new Database(path);
      raw.prepare(`UPDATE schedules SET ${field} = ? WHERE id = ?`).run(json, broken.id);
      raw.close();
      const { items } = await storage.schedules.list({}, 'name', {
        limit: 10,
        cursor: null,
        backward: false,
      });
      expect(items.map((item) => item.node)).toEqual([
        expect.objectContaining({
          id: broken.id,
          nextRunAt: null,
          dueAt: null,
          problem: expect.stringMatching(/cannot be read/),
          unreadable: [field],
        }),
        sound,
      ]);
      await storage.close();
    }),
  );

  it('changes nothing whose fact cannot be recorded, and the other way round', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'sible.sqlite');
      const storage = await openSqliteStorage(path);
      const schedule = makeSchedule();
      const run = makeRun();
      await storage.schedules.insert(schedule);
      await storage.runs.insert(run);
      await factsOf(storage);
      const raw = new Database(path);
      raw.exec("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END");

      const { schedules, runs } = storage;
      const failed = makeRun(makeEnd({ status: 'failed' }));
      const changes: (() => Promise<unknown>)[] = [
        () => schedules.insert(makeSchedule()),
        () => schedules.replace({ ...schedule, version: 2 }, 1),
        () => schedules.setProblem(schedule.id, 1, 'Faulty.'),
        () => schedules.delete(schedule.id),
        () => schedules.fire([makeFiring(schedule)]),
        () => schedules.startByHand({ ...failed, scheduleId: schedule.id }, true),
        () => runs.insert(failed),
        () => runs.insertNew(failed),
        () => runs.finish(run.id, null, makeEnd({ status: 'canceled' })),
      ];
      for (const change of changes) await expect(change(), String(change)).rejects.toThrow('full');

      raw.exec('DROP TRIGGER full');
      raw.close();
      expect(await schedules.count({})).toBe(1);
      expect(await schedules.find(schedule.id)).toEqual(schedule);
      expect(await storage.ticks.count(schedule.id)).toBe(0);
      expect(await runs.find(run.id)).toEqual(run);
      expect(await runs.count({})).toBe(1);
      expect(await factsOf(storage)).toEqual([]);
      await storage.close();
    }));

  it('gives a fact that it cannot read as such, and the others as they are', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'sible.sqlite');
      const storage = await openSqliteStorage(path);
      for (const id of ['one', 'two', 'three']) await storage.runs.insert(makeRun({ id, ...makeEnd() }));
      const raw = new Database(path);
      for (const [id, fact] of [
        ['one', '{"kind":"moon"}'],
        ['two', '{"kind":'],
      ])
        raw.prepare('UPDATE outbox SET fact = ? WHERE instr(fact, ?) > 0').run(fact, `"${id}"`);
      raw.close();
      const facts = await factsOf(storage);
      expect(facts.map((fact) => fact?.kind ?? null)).toEqual([null, null, 'runEnded']);
      await storage.close();
    }));

  it('shows a run whose parameters are broken without them, and the others as they are', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'sible.sqlite');
      const storage = await openSqliteStorage(path);
      const runs = [makeRun(), makeRun(), makeRun()];
      for (const run of runs) await storage.runs.insert(run);
      const raw = new Database(path);
      for (const [i, json] of ['{"limit": "web', 'null'].entries())
        raw.prepare('UPDATE runs SET parameters = ? WHERE id = ?').run(json, runs[i]?.id);
      raw.close();
      expect(await Promise.all(runs.map(({ id }) => storage.runs.find(id)))).toEqual([
        { ...runs[0], parameters: null },
        { ...runs[1], parameters: null },
        runs[2],
      ]);
      await storage.close();
    }));

  it.each([
    [
      'schedules_enabled_by_next_run',
      'SELECT * FROM schedules WHERE enabled = ? ORDER BY next_run_sort ASC, id ASC LIMIT ?',
    ],
    [
      'schedules_by_next_run',
      'SELECT * FROM schedules WHERE (next_run_sort, id) > (?, ?) ORDER BY next_run_sort ASC, id ASC LIMIT ?',
    ],
    [
      'schedules_by_created',
      'SELECT * FROM schedules WHERE (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?',
    ],
    [
      'runs_by_schedule',
      'SELECT * FROM runs WHERE schedule_id = ? AND (queued_at, id) < (?, ?) ORDER BY queued_at DESC, id DESC LIMIT ?',
    ],
    [
      'schedules_due',
      'SELECT * FROM schedules WHERE enabled = 1 AND due_at <= ? ORDER BY due_at, id LIMIT ?',
    ],
    [
      'runs_by_schedule_and_status',
      "SELECT id, status FROM runs WHERE schedule_id = ? AND status IN ('queued', 'running')",
    ],
    [
      'jobs_due',
      'SELECT id FROM jobs WHERE name = ? AND locked_at IS NULL AND next_run_at <= ? AND disabled = 0 ORDER BY next_run_at, priority DESC LIMIT 1',
    ],
  ])('answers from the index %s: %s', (index, sql) =>
    inFolder(async (folder) => {
      const path = join(folder, 'sible.sqlite');
      await (await openSqliteStorage(path)).close();
      const raw = new Database(path);
      const values = Array(sql.split('?').length - 1).fill(1);
      const plan = raw.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(values) as { detail: string }[];
      raw.close();
      const text = plan.map((step) => step.detail).join('; ');
      expect(text).toContain(index);
      expect(text).not.toMatch(/FOR ORDER BY/);
    }),
  );
});
