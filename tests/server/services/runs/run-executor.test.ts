import { expect, it, onTestFinished } from 'vitest';
import { NotFoundError } from '../../../../server/domain/errors.ts';
import type { KnownRun, PreparedRun } from '../../../../server/services/runs/run-admission.ts';
import { createRunExecutor } from '../../../../server/services/runs/run-executor.ts';
import { TIMINGS } from '../../../../server/timings.ts';
import { NO_PARAMETERS } from '../../../../shared/run-parameters.ts';
import { failing } from '../../../support/failing.ts';
import { createFakeRunner, WORKSPACE } from '../../../support/fake-runner.ts';
import { fireOne, makeFiring, makePage, makeRun, makeSchedule, NOON } from '../../../support/make.ts';
import { openTempStorage } from '../../../support/temp-storage.ts';
import { waitUntil } from '../../../support/wait-until.ts';

interface Asked {
  concurrency?: number;
  isShared?: boolean;
  timeoutMs?: number | null;
}

/** A run that was prepared, for `admit`. */
function known(prepared: PreparedRun | null): KnownRun {
  if (!prepared) throw new Error('It was not prepared.');
  return { prepared };
}

async function makeExecutor({ concurrency = 2, isShared = false, timeoutMs = null }: Asked = {}) {
  const storage = await openTempStorage();
  const runner = createFakeRunner();
  const queued: string[] = [];
  const errors: string[] = [];
  const playbooks = { missing: new Set<string>() };
  const executor = createRunExecutor({
    storage: { ...storage, isShared },
    runner,
    runLogs: { ingest: async (process) => void (await process.exit), notifyEnd: () => undefined },
    playbooks: {
      root: '/playbooks',
      async checkRunnable(_actor, path) {
        if (playbooks.missing.has(path)) throw new NotFoundError('playbook', path);
      },
      isPresent: (path) => !playbooks.missing.has(path),
    },
    scheduler: { queueRun: async (id) => void queued.push(id) },
    workerId: 'w',
    concurrency,
    timeoutMs,
    timings: TIMINGS.runs,
    now: () => NOON,
    onError: (_error, during) => errors.push(during),
    onInfo: () => undefined,
  });
  onTestFinished(async () => {
    for (const id of [...runner.running.keys()]) runner.end(id);
    await executor.close();
  });
  const statusOf = async (id: string) => (await storage.runs.find(id))?.status ?? null;
  return { storage, runner, executor, queued, errors, playbooks, statusOf };
}

it('a run for which there is room is ours before it is stored, and ends truly', async () => {
  const { executor, storage, runner, statusOf } = await makeExecutor();
  const admission = await executor.admit(makeRun({ id: 'r' }));
  expect(admission.run).toMatchObject({ status: 'running', workerId: 'w', startedAt: NOON });
  expect(runner.calls).toEqual([]);

  await storage.runs.insert(admission.run);
  await admission.begin();
  expect(runner.calls).toEqual(['start']);
  runner.end('r', { exitCode: 7 });

  await waitUntil(async () => (await statusOf('r')) === 'failed');
  expect((await storage.runs.find('r'))?.exitCode).toBe(7);
});

it.each([
  ['longer than that of the server', 172_800, 86_400_000, 172_800_000],
  ['shorter than that of the server', 60, 86_400_000, 60_000],
  ['the longest, beyond what a timer of Node reaches', 2_592_000, 1_000, 2_592_000_000],
  ['of its own, where the server has none', 60, null, 60_000],
  ['of the server, where it has none', null, 86_400_000, 86_400_000],
  ['none at all', null, null, null],
])('the time limit of a run: %s', async (_what, timeoutSeconds, ofServer, expected) => {
  const { executor, storage, runner } = await makeExecutor({ timeoutMs: ofServer });
  const parameters = { ...NO_PARAMETERS, timeoutSeconds };
  const admission = await executor.admit(makeRun({ id: 'r', parameters }));
  await storage.runs.insert(admission.run);
  await admission.begin();
  expect(runner.running.get('r')?.timeoutMs).toBe(expected);
});

it('a run for which there is no room waits its turn, and so does every later one', async () => {
  const { executor, storage, queued, runner } = await makeExecutor({ concurrency: 1 });
  for (const id of ['first', 'second', 'third']) {
    const admission = await executor.admit(makeRun({ id }));
    await storage.runs.insert(admission.run);
    await admission.begin();
  }
  expect(queued).toEqual(['second', 'third']);

  // there is room again, and others wait
  runner.end('first');
  await waitUntil(() => executor.countActive() === 0);
  expect((await executor.admit(makeRun({ id: 'fourth' }))).run.status).toBe('queued');
});

it('what cannot be run is stored as failed, with the reason', async () => {
  const { executor, playbooks, runner } = await makeExecutor();
  playbooks.missing.add('gone.yaml');

  const [gone, broken] = [
    await executor.admit(makeRun({ playbook: 'gone.yaml' })),
    await executor.admit(makeRun({ parameters: null })),
  ];

  expect(gone.run).toMatchObject({ status: 'failed', startedAt: null, workerId: null });
  expect(gone.run.reason).toMatch(/not started.*gone\.yaml/);
  expect(broken.run.reason).toMatch(/parameters cannot be read/);
  await gone.begin();
  expect(runner.calls).toEqual([]);
});

it('what was prepared is started, or released when there is no room for it', async () => {
  const { executor, storage, runner } = await makeExecutor({ concurrency: 1 });
  const prepared = await executor.prepare(makeRun({ id: 'ready' }));
  // one place, and it is kept for what is prepared
  expect(executor.countRoom()).toBe(0);
  expect(await executor.prepare(makeRun({ id: 'other' }))).toBeNull();

  const admission = await executor.admit(makeRun({ id: 'ready' }), known(prepared));
  await storage.runs.insert(admission.run);
  await admission.begin();
  expect(runner.calls).toEqual(['arm', 'start what is ready']);

  runner.end('ready');
  await waitUntil(() => executor.countRoom() === 1);
  const late = await executor.prepare(makeRun({ id: 'late' }));
  const manual = await executor.admit(makeRun({ id: 'manual' }));
  expect(manual.run.status).toBe('running');
  expect((await executor.admit(makeRun({ id: 'late' }), known(late))).run.status).toBe('queued');
  await waitUntil(() => runner.armed.size === 0);
});

it('what was prepared and whose playbook is gone when its instant comes says why it does not start', async () => {
  const { executor, runner, playbooks } = await makeExecutor({ concurrency: 1 });
  const run = makeRun({ id: 'ready' });
  const prepared = await executor.prepare(run);
  playbooks.missing.add(run.playbook);

  const { run: admitted } = await executor.admit(run, known(prepared));

  expect(admitted).toMatchObject({ status: 'failed', startedAt: null });
  expect(admitted.reason).toMatch(/^It was not started\. /);
  expect([runner.armed.size, executor.countRoom()]).toEqual([0, 1]);
});

it('a run that was not stored gives its place back', async () => {
  const { executor, runner } = await makeExecutor({ concurrency: 1 });
  const prepared = await executor.prepare(makeRun({ id: 'r' }));
  const admission = await executor.admit(makeRun({ id: 'r' }), known(prepared));
  expect(executor.countRoom()).toBe(0);

  await admission.drop();

  expect(executor.countRoom()).toBe(1);
  expect(runner.armed.size).toBe(0);
});

it('when the answer of the database is lost, what was stored is begun and what was not is dropped', async () => {
  const { executor, storage, runner, errors, statusOf } = await makeExecutor();
  const [stored, lost] = [
    await executor.admit(makeRun({ id: 'a' })),
    await executor.admit(makeRun({ id: 'b' })),
  ];
  await storage.runs.insert(stored.run);
  storage.runs.find = failing(2, storage.runs.find);

  await Promise.all([stored.reconcile(), lost.reconcile()]);

  expect(errors).toHaveLength(2);
  expect([...runner.running.keys()]).toEqual(['a']);
  expect(executor.countRoom()).toBe(1);
  runner.end('a');
  await waitUntil(async () => (await statusOf('a')) === 'succeeded');
});

it('a queued run that is refused when its turn comes says why, and so does its tick', async () => {
  const { executor, storage, playbooks, statusOf } = await makeExecutor();
  const schedule = makeSchedule({ playbook: 'gone.yaml' });
  await storage.schedules.insert(schedule);
  const firing = makeFiring(schedule);
  await fireOne(storage.schedules, firing);
  const [queued] = firing.runs;
  playbooks.missing.add(queued?.playbook ?? '');

  expect(await executor.execute(queued?.id ?? '')).toBe(true);

  expect(await statusOf(queued?.id ?? '')).toBe('failed');
  const { items } = await storage.ticks.list(schedule.id, makePage());
  const { reason } = (await storage.runs.find(queued?.id ?? '')) ?? {};
  expect(reason).toMatch(/^It was not started\. There is no playbook/);
  expect(items.find(({ node }) => node.runId === queued?.id)?.node.reason).toBe(reason);
});

it('a queued run whose claim was stored though its answer was lost is run, once', async () => {
  const { executor, storage, runner, statusOf } = await makeExecutor();
  await storage.runs.insert(makeRun({ id: 'r' }));
  const { claim } = storage.runs;
  let isFirst = true;
  storage.runs.claim = async (...args) => {
    const claimed = await claim(...args);
    if (!isFirst) return claimed;
    isFirst = false;
    throw new Error('away');
  };

  const executions = Promise.all([executor.execute('r'), executor.execute('r')]);
  await waitUntil(() => runner.running.has('r'));
  runner.end('r');
  await executions;

  expect(runner.calls).toEqual(['start']);
  expect(await statusOf('r')).toBe('succeeded');
});

it('a run that is canceled while it is being started is ended', async () => {
  const { executor, storage, statusOf } = await makeExecutor();
  const admission = await executor.admit(makeRun({ id: 'r' }));
  await storage.runs.insert(admission.run);
  executor.cancelIfHere('r');

  await admission.begin();

  await waitUntil(async () => (await statusOf('r')) === 'canceled');
});

it('a run for which there is no room is left to other nodes, where there may be any', async () => {
  const { executor, storage, runner, statusOf } = await makeExecutor({ concurrency: 1, isShared: true });
  const first = await executor.admit(makeRun({ id: 'first' }));
  await storage.runs.insert(first.run);
  await first.begin();
  await storage.runs.insert(makeRun({ id: 'second' }));

  expect(await executor.execute('second')).toBe(false);
  expect(await statusOf('second')).toBe('queued');

  runner.end('first');
  const executed = executor.execute('second');
  await waitUntil(() => runner.running.has('second'));
  runner.end('second');
  expect(await executed).toBe(true);
});

it('what is being released is not started before that is done', async () => {
  const { executor, storage, runner } = await makeExecutor({ concurrency: 1 });
  const prepared = await executor.prepare(makeRun({ id: 'late' }));
  const manual = await executor.admit(makeRun({ id: 'manual' }));
  await storage.runs.insert(manual.run);
  await manual.begin();
  let release = () => {};
  const { disarm } = runner;
  runner.disarm = async (id) => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    await disarm(id);
  };
  const late = await executor.admit(makeRun({ id: 'late' }), known(prepared));
  await storage.runs.insert(late.run);
  await late.begin();
  runner.end('manual');

  const executed = executor.execute('late');
  await waitUntil(() => executor.countActive() === 0);
  expect(runner.running.has('late')).toBe(false);
  release();
  await waitUntil(() => runner.running.has('late'));
  expect(runner.calls.slice(-2)).toEqual(['disarm', 'start']);
  runner.end('late');
  await executed;
});

it('a run that cannot be reattached to after a restart, since the database is away, is reattached to when it is back', async () => {
  const { executor, storage, runner, queued, errors, statusOf } = await makeExecutor();
  const ours = { status: 'running', workerId: 'w', startedAt: NOON, leaseUntil: NOON } as const;
  await storage.runs.insert(makeRun({ id: 'going', ...ours }));
  await storage.runs.insert(makeRun({ id: 'waiting', ...ours }));
  runner.reattach = async ({ runId }) =>
    runId === 'waiting'
      ? { kind: 'notStarted' }
      : {
          kind: 'attached',
          process: runner.start({
            runId,
            playbook: 'a.yaml',
            parameters: NO_PARAMETERS,
            workspace: WORKSPACE,
            files: [],
            timeoutMs: null,
          }),
        };
  storage.runs.find = failing(1, storage.runs.find);
  storage.runs.unclaim = failing(1, storage.runs.unclaim);

  await executor.recover();

  await waitUntil(() => runner.running.has('going') && queued.length > 0);
  expect(errors).toEqual([expect.stringMatching(/^reattaching to run/), 'queueing run waiting']);
  expect(queued).toEqual(['waiting']);
  expect(await statusOf('waiting')).toBe('queued');
  runner.end('going');
  await waitUntil(async () => (await statusOf('going')) === 'succeeded');
});
