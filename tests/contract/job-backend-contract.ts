import { Agenda, type AgendaBackend, type JobParameters } from 'agenda';
import { describe, expect, it, onTestFinished } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';

/** What Sible asks of a backend of Agenda; the official one for MongoDB is held to it too. */
export function describeJobBackendContract(
  name: string,
  openNew: () => Promise<{ backend: AgendaBackend; close(): Promise<void> }>,
): void {
  async function open() {
    const { backend, close } = await openNew();
    onTestFinished(close);
    await backend.connect();
    return backend.repository;
  }
  const job = (overrides: Partial<JobParameters> = {}): JobParameters => ({
    name: 'tick',
    type: 'normal',
    priority: 0,
    nextRunAt: new Date(Date.now() - 1_000),
    data: {},
    ...overrides,
  });
  const soon = () => new Date(Date.now() + 1_000);
  const longAgo = () => new Date(Date.now() - 60_000);

  describe(`job backend contract: ${name}`, () => {
    it('gives each due job to one asker, earliest first', async () => {
      const jobs = await open();
      for (const seconds of [30, 10, 20]) {
        await jobs.saveJob(
          job({ nextRunAt: new Date(Date.now() - seconds * 1_000), data: { seconds } }),
          undefined,
        );
      }
      const taken = [];
      for (let i = 0; i < 4; i += 1)
        taken.push(await jobs.getNextJobToRun('tick', soon(), longAgo(), undefined, undefined));
      expect(taken.map((one) => (one?.data as { seconds: number } | undefined)?.seconds)).toEqual([
        30,
        20,
        10,
        undefined,
      ]);
    });

    it('gives a job to one of many askers at once', async () => {
      const jobs = await open();
      await jobs.saveJob(job(), undefined);
      const taken = await Promise.all(
        Array.from({ length: 8 }, () =>
          jobs.getNextJobToRun('tick', soon(), longAgo(), undefined, undefined),
        ),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
    });

    it('gives no job that is not due, of another name, or disabled', async () => {
      const jobs = await open();
      await jobs.saveJob(job({ nextRunAt: new Date(Date.now() + 60_000) }), undefined);
      await jobs.saveJob(job({ name: 'other' }), undefined);
      await jobs.saveJob(job({ data: { off: 1 } }), undefined);
      expect(await jobs.disableJobs({ name: 'tick', data: { off: 1 } })).toBe(1);
      expect(await jobs.getNextJobToRun('tick', soon(), longAgo(), undefined, undefined)).toBeUndefined();
      await jobs.enableJobs({ name: 'tick', data: { off: 1 } });
      expect(await jobs.getNextJobToRun('tick', soon(), longAgo(), undefined, undefined)).toBeDefined();
    });

    it('gives a job again whose lock is too old', async () => {
      const jobs = await open();
      await jobs.saveJob(job(), undefined);
      await jobs.getNextJobToRun('tick', soon(), longAgo(), undefined, undefined);
      expect(await jobs.getNextJobToRun('tick', soon(), longAgo(), undefined, undefined)).toBeUndefined();
      expect(await jobs.getNextJobToRun('tick', soon(), soon(), undefined, undefined)).toBeDefined();
    });

    it('keeps one job of a unique key, and leaves it as it is when asked to', async () => {
      const jobs = await open();
      const unique = { 'data.instant': '2026-01-01T00:00:00.000Z' };
      const data = { instant: '2026-01-01T00:00:00.000Z' };
      const first = await jobs.saveJob(job({ data, unique, uniqueOpts: { insertOnly: true } }), undefined);
      const later = new Date(Date.now() + 99_000);
      const again = await jobs.saveJob(
        job({ data, unique, nextRunAt: later, uniqueOpts: { insertOnly: true } }),
        undefined,
      );
      expect(String(again._id)).toBe(String(first._id));
      expect(again.nextRunAt?.getTime()).toBe(first.nextRunAt?.getTime());
      const moved = await jobs.saveJob(job({ data, unique, nextRunAt: later }), undefined);
      expect(moved.nextRunAt?.getTime()).toBe(later.getTime());
      await jobs.saveJob(
        job({ data: { ...data, scheduledFor: 'y' }, unique: { ...unique, 'data.scheduledFor': 'y' } }),
        undefined,
      );
      expect((await jobs.queryJobs({ name: 'tick' })).total).toBe(2);
    });

    it('keeps one job of type single for each name', async () => {
      const jobs = await open();
      await jobs.saveJob(job({ name: 'sweep', type: 'single', repeatInterval: '15 seconds' }), undefined);
      await jobs.saveJob(job({ name: 'sweep', type: 'single', repeatInterval: '20 seconds' }), undefined);
      const { jobs: found } = await jobs.queryJobs({ name: 'sweep' });
      expect(found.map((one) => one.repeatInterval)).toEqual(['20 seconds']);
    });

    it('removes by part of the data, by name and by id, and nothing when nothing says which', async () => {
      const jobs = await open();
      for (const data of [
        { instant: 'a', n: 1 },
        { instant: 'a', n: 2 },
        { instant: 'b', n: 1 },
      ]) {
        await jobs.saveJob(job({ data }), undefined);
      }
      expect(await jobs.removeJobs({})).toBe(0);
      expect(await jobs.removeJobs({ name: 'tick', data: { instant: 'a' } })).toBe(2);
      const left = (await jobs.queryJobs({ name: 'tick' })).jobs[0];
      expect(await jobs.removeJobs({ id: String(left?._id) })).toBe(1);
      expect(await jobs.getQueueSize()).toBe(0);
    });

    it('saves the state of a job, and refuses one that is gone', async () => {
      const jobs = await open();
      const saved = await jobs.saveJob(job(), undefined);
      const lastRunAt = new Date(1_700_000_000_000);
      await jobs.saveJobState(
        { ...saved, nextRunAt: null, lastRunAt, failCount: 3, failReason: 'x' },
        undefined,
      );
      expect(await jobs.getJobById(String(saved._id))).toMatchObject({
        nextRunAt: null,
        lastRunAt,
        failCount: 3,
        failReason: 'x',
      });
      await jobs.purgeAllJobs();
      await expect(jobs.saveJobState(saved, undefined)).rejects.toThrow();
    });

    it('lets two Agendas run a job once', async () => {
      const { backend, close } = await openNew();
      await backend.connect();
      const ran: string[] = [];
      const agendas = ['one', 'two'].map((node) => {
        const agenda = new Agenda({ backend, processEvery: 100, name: node, removeOnComplete: true });
        agenda.define('tick', async () => {
          ran.push(node);
        });
        return agenda;
      });
      for (const agenda of agendas) await agenda.start();
      await agendas[0]?.now('tick', {});
      await waitUntil(
        async () => ran.length > 0 && (await backend.repository.queryJobs({ name: 'tick' })).total === 0,
      );
      expect(ran).toHaveLength(1);
      for (const agenda of agendas) await agenda.stop(false);
      await close();
    });
  });
}
