import { gzipSync } from 'node:zlib';
import type { Run } from '../../../server/domain/runs/run.ts';
import type { Schedule } from '../../../server/domain/schedules/schedule.ts';
import type { Firing, Storage } from '../../../server/storage/storage.ts';
import { NO_PARAMETERS } from '../../../shared/run-parameters.ts';
import { ALLOW, makeChunk, makeEnd, makeRun, makeSchedule, makeTick, minutesAfter, NOON } from '../make.ts';
import { OTHER_PARAMETERS } from '../other-parameters.ts';

/**
 * Contents of the previous version's fixture: something of each kind that a release can store.
 * `scripts/make-previous-version.mjs` writes it with the release's own code.
 */

/** Nothing in it is due while tests exist. */
const FAR = new Date('2090-01-01T03:00:00.000Z');
const PLACE = { workingFolder: 'site', ansibleConfig: 'site/ansible.cfg' };

const runOf = (overrides: Partial<Run>) => makeRun({ playbook: 'hello.yaml', ...overrides });

export const SCHEDULES: readonly Schedule[] = [
  makeSchedule({ id: 'cron', name: 'Nightly', timing: { kind: 'cron', expression: '0 3 1 1 *' } }),
  makeSchedule({ id: 'once', timing: { kind: 'once', at: FAR }, policy: ALLOW, timezone: 'Asia/Tokyo' }),
  makeSchedule({
    id: 'interval',
    timing: { kind: 'interval', seconds: 31_536_000, anchor: FAR },
    parameters: OTHER_PARAMETERS,
  }),
  makeSchedule({
    id: 'long',
    name: 'Ümläute, 日本 😀',
    parameters: { ...NO_PARAMETERS, extraVarsJson: JSON.stringify({ text: 'ä'.repeat(600) }) },
  }),
  makeSchedule({ id: 'disabled', enabled: false, nextRunAt: null, version: 7 }),
  makeSchedule({ id: 'faulty', nextRunAt: null, problem: 'There is no playbook "gone.yaml".' }),
].map((schedule) => (schedule.nextRunAt === null ? schedule : { ...schedule, nextRunAt: FAR, dueAt: FAR }));

/** Lines that become one compressed chunk. */
const LONG_LOG = Array.from({ length: 600 }, (_, n) => `ok: [host-${n}] => changed=false, the same as ever`);

/** @returns a firing that is still to be stored, or to be left half done */
export async function fillStorage(storage: Storage): Promise<Firing> {
  const { schedules, runs, runLogs, keys, jobBackend } = storage;
  for (const schedule of SCHEDULES) await schedules.insert(schedule);
  await schedules.setProblem('faulty', 1, 'There is no playbook "gone.yaml".');
  await schedules.fire([firingOf('cron', 0, 'of-a-tick'), firingOf('long', 1, 'of-another-tick')]);
  await schedules.startByHand({ ...runOf({ id: 'by-hand' }), scheduleId: 'interval' }, false);
  await runs.finish('by-hand', null, makeEnd({ status: 'canceled', exitCode: null }));

  const ends = {
    succeeded: makeEnd(),
    failed: makeEnd({ status: 'failed', exitCode: 2, reason: '1 of 2 hosts failed.' }),
    canceled: makeEnd({ status: 'canceled', exitCode: 1, reason: 'Canceled.' }),
    'timed-out': makeEnd({ status: 'timedOut', exitCode: null, reason: 'It took longer than 60 s.' }),
    'lost-by-another-node': makeEnd({ status: 'lost', exitCode: null, reason: 'Its node is away.' }),
  };
  for (const [id, end] of Object.entries(ends)) {
    await runs.insert(runOf({ id, parameters: OTHER_PARAMETERS, trigger: 'retry' }));
    await runs.claim(id, 'another-node', minutesAfter(NOON, 1), FAR, PLACE);
    await runs.finish(id, 'another-node', end);
  }
  await runs.insert(runOf({ id: 'on-another-node' }));
  await runs.claim('on-another-node', 'another-node', minutesAfter(NOON, 1), FAR, PLACE);
  await runs.requestCancel('on-another-node', minutesAfter(NOON, 2));
  await runs.insert({ ...runOf({ id: 'unreadable' }), ...makeEnd(), parameters: null });

  await runLogs.append(
    'succeeded',
    'output',
    makeChunk(1, ['PLAY [all]', '', 'a\0b \u001b[32mok\u001b[0m 日本'], 40),
  );
  await runLogs.append('succeeded', 'output', makeChunk(4, LONG_LOG, 40_000));
  await runLogs.append('on-another-node', 'output', makeChunk(1, ['still going'], 12));

  for (const key of ['done', 'not-done'])
    await keys.bind({ key, request: 'hash', id: 'succeeded', boundAt: NOON, isDone: false }, NOON);
  await keys.markDone('done', 'succeeded');

  const job = { type: 'normal', priority: 0, nextRunAt: FAR } as const;
  const { repository } = jobBackend;
  await repository.saveJob({ ...job, name: 'tick', data: { instant: FAR.toISOString() } }, undefined);
  await repository.saveJob({ ...job, name: 'run', data: { runId: 'queued' } }, { lastModifiedBy: 'node' });
  return firingOf('once', 2, 'of-a-firing-cut-short');
}

/** One instant of each outcome. */
function firingOf(scheduleId: string, minute: number, runId: string): Firing {
  const at = (second: number) => new Date(minutesAfter(NOON, minute).getTime() + second * 1_000);
  const run: Run = runOf({ id: runId, trigger: 'schedule', scheduleId, scheduledFor: at(3) });
  return {
    scheduleId,
    version: 1,
    expectedNextRunAt: FAR,
    nextRunAt: FAR,
    dueAt: FAR,
    ticks: [
      makeTick(
        { id: scheduleId },
        { scheduledFor: at(1), outcome: 'missed', reason: 'Sible was not running.' },
      ),
      makeTick({ id: scheduleId }, { scheduledFor: at(2) }),
      makeTick({ id: scheduleId }, { scheduledFor: at(3), outcome: 'started', reason: null, runId }),
    ],
    runs: [{ ...run, ...makeEnd({ status: 'failed', exitCode: null, reason: 'It was refused.' }) }],
  };
}

/** Everything that a storage holds, as JSON; logs are compressed, since they are repetitive. */
export async function readEverything(storage: Storage): Promise<Record<string, unknown>> {
  const { schedules, ticks, runs, runLogs, keys, jobBackend } = storage;
  const page = { limit: 1_000, cursor: null, backward: false };
  const scheduleIds = (await schedules.list({}, 'name', page)).items.map(({ node }) => node.id).sort();
  const runIds = (await runs.list({}, page)).items.map(({ node }) => node.id).sort();
  const each = async <T>(ids: readonly string[], read: (id: string) => Promise<T>) =>
    Object.fromEntries(await Promise.all(ids.map(async (id) => [id, await read(id)] as const)));
  const { jobs } = await jobBackend.repository.queryJobs({});
  const everything = {
    schedules: await each(scheduleIds, (id) => schedules.find(id)),
    ticks: await each(scheduleIds, async (id) => (await ticks.list(id, page)).items.map(({ node }) => node)),
    runs: await each(runIds, (id) => runs.find(id)),
    logs: await each(runIds, async (id) => {
      const { text } = await runLogs.read(id, 'output', 0, { maxLines: 1_000_000, maxBytes: 100_000_000 });
      return { ...(await runLogs.head(id, 'output')), text: gzipSync(text).toString('base64') };
    }),
    keys: await each(['done', 'not-done'], (key) => keys.find(key)),
    jobs: jobs
      .filter(({ name }) => name === 'tick' || name === 'run')
      .map(({ name, type, priority, nextRunAt, data }) => ({ name, type, priority, nextRunAt, data }))
      .sort((one, other) => JSON.stringify(one.data).localeCompare(JSON.stringify(other.data))),
  };
  return JSON.parse(JSON.stringify(everything)) as Record<string, unknown>;
}
