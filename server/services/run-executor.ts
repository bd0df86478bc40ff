import type { RunParameters } from '../../shared/run-parameters.ts';
import { DomainError } from '../domain/errors.ts';
import { isFinished, type Run, type RunEnd, type RunPlace } from '../domain/run.ts';
import {
  type Reattached,
  type RunExit,
  type Runner,
  type RunProcess,
  RunRefusedError,
  type Workspace,
} from '../runner/runner.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Storage } from '../storage/storage.ts';
import { createActiveRuns, type Following } from './active-runs.ts';
import type { PlaybookService } from './playbook-service.ts';
import type { RunLogService } from './run-log-service.ts';
import { createSlots } from './slots.ts';
import { soonOrLater, surely } from './surely.ts';

/** The runs of this node: starts them, follows them to their end, and takes them up again after a restart. */
export interface RunExecutor {
  /** For how many runs there is room now that is not kept for others. */
  countRoom(): number;
  /**
   * Gets ready for a run that is to be admitted soon, as far as there is room now. It is no promise: the run is admitted
   * like any other, only faster. Never rejects.
   * @returns whether it is ready; then it must be admitted or `disarm`ed
   */
  arm(run: Run): Promise<boolean>;
  /** Lets go of what `arm` made ready. Safe to call again. */
  disarm(runId: string): Promise<void>;
  /** What becomes of a new run here: decided, but neither stored nor begun. Never rejects. */
  admit(run: Run): Promise<Admission>;
  /**
   * Runs a queued run if it is still to be had; resolves when it has ended.
   * @returns false: there is no room for it here, and another node may have some
   */
  execute(runId: string): Promise<boolean>;
  /** Takes up what an earlier life of this node has started. Call once, before the scheduler starts. */
  recover(): Promise<void>;
  /** Ends the run if it runs on this node. */
  cancelIfHere(runId: string): void;
  /** How many runs go on here. */
  countActive(): number;
  /** Stops following. The playbooks go on, and are taken up by the next `recover`. */
  close(): Promise<void>;
}

/** A new run that is about to be stored. One of the functions must be called, once. */
export interface Admission {
  /** As it is to be stored: running on this node, queued when there is no room, or failed when it cannot be run. */
  readonly run: Run;
  /** It was stored: starts it, or has it wait for its turn. Never rejects. */
  begin(): Promise<void>;
  /** It was not stored, and will not be. Never rejects. */
  drop(): Promise<void>;
  /** Nobody knows whether it was stored: asks until the database answers, and begins or drops it then. Never rejects. */
  settle(): Promise<void>;
}

export interface RunExecutorOptions {
  readonly storage: Pick<Storage, 'schedules' | 'runs' | 'changes' | 'isShared'>;
  readonly runner: Runner;
  readonly runLogs: Pick<RunLogService, 'ingest' | 'notifyEnd'>;
  readonly playbooks: Pick<PlaybookService, 'checkRunnable'>;
  readonly scheduler: Pick<Scheduler, 'queueRun'>;
  /** The same in every life of this node, and of no other. */
  readonly workerId: string;
  /** Runs at once, 0 or more. */
  readonly concurrency: number;
  /** Ends a run that takes longer, in ms; null: no limit. */
  readonly timeoutMs: number | null;
  now(): Date;
  onError(error: unknown, during: string): void;
  onInfo(message: string, details: object): void;
}

/** How often a worker vouches for its runs. */
export const HEARTBEAT_MS = 5_000;
/** So long a queued run waits for room here; then another node may have it. */
const ROOM_WAIT_MS = 1_000;
/** So many waiting runs are looked at in a heartbeat. */
const LOOKED_AT = 200;

export function createRunExecutor(options: RunExecutorOptions): RunExecutor {
  const { storage, runner, scheduler, workerId } = options;
  const { runs } = storage;
  const closing = new AbortController();
  const active = createActiveRuns({ ...options, stopping: closing.signal });
  const slots = createSlots(options.concurrency);
  /** Runs that are made ready, and have no place yet. */
  const armed = new Map<string, Workspace>();
  /** What is being let go of: the same run is not started before that is done. */
  const disarming = new Map<string, Promise<void>>();
  /** Runs that had to wait: none that comes later may be started before them. */
  const waiting = new Set<string>();
  /** Runs that are ours by their row, and about to be started; true: they were canceled meanwhile. */
  const starting = new Map<string, boolean>();

  const heartbeat = setInterval(() => void beat(), HEARTBEAT_MS);
  /** While nothing goes on or waits there is nothing to hear: other nodes are asked for news only while somebody listens. */
  let stopListening: (() => void) | null = null;

  function listen(): void {
    stopListening ??= storage.changes.listen((change) => {
      if (change.kind !== 'run') return;
      if (active.has(change.id) || starting.has(change.id)) void cancelIfAsked(change.id);
      // started by another node, or canceled
      if (waiting.has(change.id)) void forgetUnlessQueued([change.id]);
    });
  }

  function stopListeningIfIdle(): void {
    if (active.count() + starting.size + waiting.size > 0) return;
    stopListening?.();
    stopListening = null;
  }

  async function beat(): Promise<void> {
    // what the changes should have told: they are hints, and may be lost
    await forgetUnlessQueued([...waiting].slice(0, LOOKED_AT));
    stopListeningIfIdle();
    await active.vouch();
  }

  async function forgetUnlessQueued(runIds: readonly string[]): Promise<void> {
    if (runIds.length === 0) return;
    try {
      for (const [i, run] of (await runs.findMany(runIds)).entries())
        if (run?.status !== 'queued') waiting.delete(runIds[i] ?? '');
    } catch (error) {
      options.onError(error, 'looking at waiting runs');
    }
  }

  async function cancelIfAsked(runId: string): Promise<void> {
    try {
      if ((await runs.find(runId))?.cancelRequestedAt) cancelIfHere(runId);
    } catch (error) {
      options.onError(error, `looking at run ${runId}`);
    }
  }

  function cancelIfHere(runId: string): void {
    if (starting.has(runId)) starting.set(runId, true);
    active.cancel(runId);
  }

  function follow(process: RunProcess, how: Following): Promise<void> {
    const ended = active.follow(process, how);
    listen();
    return ended;
  }

  function untilAnswered<T>(during: string, ask: () => Promise<T>): Promise<T> {
    return surely(ask, closing.signal, (error) => options.onError(error, during));
  }

  /** Why a run cannot be run, in words; null when it can. */
  async function refusalOf({ playbook, parameters }: Run): Promise<string | null> {
    if (parameters === null) return 'It was not started. What is stored of its parameters cannot be read.';
    try {
      await options.playbooks.checkRunnable(playbook, parameters);
      return null;
    } catch (error) {
      if (error instanceof DomainError) return `It was not started. ${error.message}`;
      options.onError(error, `looking at playbook ${playbook}`);
      return 'It was not started. The playbook could not be read.';
    }
  }

  /** The shorter of the run's own time limit and the server's, in ms; null: neither. */
  function timeoutOf({ timeoutSeconds }: RunParameters): number | null {
    const own = timeoutSeconds === null ? null : timeoutSeconds * 1_000;
    if (own === null || options.timeoutMs === null) return own ?? options.timeoutMs;
    return Math.min(own, options.timeoutMs);
  }

  /** Where a run would be started, or why it cannot be, in words. */
  async function workspaceOrRefusal(run: Run): Promise<Workspace | string> {
    const refusal = await refusalOf(run);
    if (refusal !== null) return refusal;
    if (run.parameters === null) throw new Error(`Run ${run.id} was accepted without parameters.`);
    try {
      return armed.get(run.id) ?? runner.workspaceOf(run.playbook, run.parameters);
    } catch (error) {
      if (error instanceof RunRefusedError) return `It was not started. ${error.message}`;
      options.onError(error, `looking for the working folder of ${run.playbook}`);
      return 'It was not started. Its working folder could not be read.';
    }
  }

  function failureOf(reason: string): RunEnd {
    return { status: 'failed', exitCode: null, reason, finishedAt: options.now() };
  }

  /** Whether a run that is ours by its row still is: a node that was paused for longer than its lease cannot know. */
  async function isStillOurs({ id, leaseUntil }: Run): Promise<boolean> {
    if (leaseUntil !== null && options.now() < leaseUntil) return true;
    const renewed = await untilAnswered(`looking whether run ${id} is ours`, () =>
      runs.renewLeases(workerId, [id], active.lease()),
    );
    return renewed.length === 1;
  }

  /** Starts a run that is ours by its row, and follows it to its end. Its place is the caller's. */
  async function run(ours: Run, workspace: Workspace): Promise<void> {
    const { id, playbook, parameters } = ours;
    if (parameters === null) throw new Error(`Run ${id} was admitted without parameters.`);
    if (!(await isStillOurs(ours))) {
      starting.delete(id);
      await active.finish(id, failureOf('It was not started: its node was paused for too long.'));
      await runner.disarm(id);
      return;
    }
    let process: RunProcess;
    try {
      process = runner.start({
        runId: id,
        playbook,
        parameters,
        workspace,
        timeoutMs: timeoutOf(parameters),
      });
    } catch (error) {
      starting.delete(id);
      if (!(error instanceof RunRefusedError)) options.onError(error, `starting run ${id}`);
      await active.finish(
        id,
        failureOf(
          error instanceof RunRefusedError ? error.message : 'It could not be started: internal error.',
        ),
      );
      await runner.discard(id);
      return;
    }
    const ended = follow(process, { isNew: true, isLost: false, endOf });
    const isCanceled = starting.get(id);
    starting.delete(id);
    if (isCanceled) cancelIfHere(id);
    await ended;
  }

  /**
   * Makes a queued run ours. When the answer of the database is lost it asks again until it knows: a run that is ours and
   * that nobody starts would count as lost.
   * @returns null when somebody else has it
   */
  function claimSurely(runId: string, place: RunPlace): Promise<Run | null> {
    return untilAnswered(`claiming run ${runId}`, async () => {
      const claimed = await runs.claim(runId, workerId, options.now(), active.lease(), place);
      if (claimed) return claimed;
      const found = await runs.find(runId);
      return found?.status === 'running' && found.workerId === workerId ? found : null;
    });
  }

  function disarm(runId: string): Promise<void> {
    armed.delete(runId);
    let letGo = disarming.get(runId);
    if (!letGo) {
      letGo = runner
        .disarm(runId)
        .catch((error: unknown) => options.onError(error, `letting go of run ${runId}`))
        .finally(() => disarming.delete(runId));
      disarming.set(runId, letGo);
    }
    return letGo;
  }

  /** @returns the run as ours; null when there is no room */
  function reserve(admitted: Run, place: RunPlace): Run | null {
    if (waiting.size > 0 || closing.signal.aborted || !slots.takeIfFree()) return null;
    try {
      // the spool folder is there before the run is ours, so that a crash in between can be told from a lost run
      runner.prepare(admitted.id);
    } catch (error) {
      slots.free();
      options.onError(error, `preparing run ${admitted.id}`);
      return null;
    }
    armed.delete(admitted.id);
    starting.set(admitted.id, false);
    listen();
    return {
      ...admitted,
      status: 'running',
      workerId,
      startedAt: options.now(),
      leaseUntil: active.lease(),
      place,
    };
  }

  async function admit(admitted: Run): Promise<Admission> {
    const workspace = await workspaceOrRefusal(admitted);
    if (typeof workspace === 'string') {
      if (armed.has(admitted.id)) void disarm(admitted.id);
      return admission({ ...admitted, ...failureOf(workspace) }, nothing, nothing);
    }
    const ours = reserve(admitted, placeOf(workspace));
    if (ours) {
      return admission(
        ours,
        async () => {
          void run(ours, workspace)
            .catch((error: unknown) => {
              if (!closing.signal.aborted) options.onError(error, `running ${ours.id}`);
            })
            .finally(slots.free);
        },
        async () => {
          starting.delete(ours.id);
          slots.free();
          await disarm(ours.id);
        },
      );
    }
    if (armed.has(admitted.id)) void disarm(admitted.id);
    waiting.add(admitted.id);
    listen();
    return admission(
      admitted,
      // the row is the truth: what fails here the sweep makes good
      () =>
        scheduler
          .queueRun(admitted.id)
          .catch((error: unknown) => options.onError(error, `queueing run ${admitted.id}`)),
      async () => void waiting.delete(admitted.id),
    );
  }

  function admission(admitted: Run, begin: () => Promise<void>, drop: () => Promise<void>): Admission {
    return {
      run: admitted,
      begin,
      drop,
      settle() {
        const decide = async () => {
          // first what may store it still
          await storage.schedules.completeFirings();
          const stored = await runs.find(admitted.id);
          if (stored?.status === admitted.status && stored.workerId === admitted.workerId) return begin();
          if (stored?.status === 'lost' && stored.workerId === workerId) {
            await runs.finish(admitted.id, workerId, failureOf('It was not started: the database was away.'));
          }
          return drop();
        };
        // rejects only when this node stops: the next start looks at what is stored
        return untilAnswered(`looking whether run ${admitted.id} was stored`, decide).catch(() => undefined);
      },
    };
  }

  /** Tried once before anything else; what cannot be done then is when it can, or at the next start. */
  function evenIfLater(during: string, work: () => Promise<void>): Promise<void> {
    return soonOrLater(work, closing.signal, (error) => options.onError(error, during));
  }

  /** Nobody else starts or follows the run meanwhile. @returns null when somebody does already */
  async function alone<T>(runId: string, work: () => Promise<T>): Promise<T | null> {
    if (active.has(runId) || starting.has(runId)) return null;
    starting.set(runId, false);
    try {
      return await work();
    } finally {
      starting.delete(runId);
    }
  }

  async function recoverRun(runId: string): Promise<void> {
    const taken = await alone(runId, () => takeUp(runId));
    if (taken === 'notStarted') await evenIfLater(`queueing run ${runId}`, () => queueAgain(runId));
  }

  async function queueAgain(runId: string): Promise<void> {
    const isQueued = await alone(runId, async () => {
      if (await runs.unclaim(runId, workerId)) return true;
      // it was given up by the others: who waits for it has gone on
      await runs.finish(runId, workerId, failureOf('It was not started: its node went away.'));
      return false;
    });
    if (isQueued) await scheduler.queueRun(runId);
    if (isQueued !== null) await storage.changes.publish({ kind: 'run', id: runId });
  }

  async function takeUp(runId: string): Promise<Reattached['kind'] | null> {
    const found = await runs.find(runId);
    const isOurs =
      found !== null &&
      found.workerId === workerId &&
      (found.status === 'running' || found.status === 'lost');
    if (!isOurs) {
      if (found === null || isFinished(found.status) || found.status === 'queued')
        await runner.discard(runId);
      return null;
    }
    const reattached = await runner.reattach({
      runId,
      startedAt: found.startedAt ?? options.now(),
      timeoutMs: found.parameters === null ? options.timeoutMs : timeoutOf(found.parameters),
      isCancelRequested: found.cancelRequestedAt !== null,
    });
    switch (reattached.kind) {
      case 'attached':
        slots.take();
        void follow(reattached.process, { isNew: false, isLost: false, endOf }).finally(slots.free);
        break;
      case 'lost': {
        const { reason } = reattached;
        const endOfLost = ({ finishedAt }: RunExit): RunEnd => ({
          status: 'lost',
          exitCode: null,
          reason,
          finishedAt,
        });
        void follow(reattached.process, { isNew: false, isLost: true, endOf: endOfLost });
        break;
      }
      case 'notStarted':
        break;
      default:
        reattached satisfies never;
    }
    return reattached.kind;
  }

  function countRoom(): number {
    if (waiting.size > 0 || closing.signal.aborted) return 0;
    return Math.max(0, slots.countFree() - armed.size);
  }

  return {
    countRoom,

    async arm(expected) {
      const { id, playbook, parameters } = expected;
      // what cannot be run says so when it is admitted
      const workspace = await workspaceOrRefusal(expected);
      if (parameters === null || typeof workspace === 'string' || countRoom() === 0) return false;
      try {
        runner.arm({ runId: id, playbook, parameters, workspace, timeoutMs: timeoutOf(parameters) });
        armed.set(id, workspace);
        return true;
      } catch (error) {
        if (!(error instanceof RunRefusedError)) options.onError(error, `getting ready for run ${id}`);
        await disarm(id);
        return false;
      }
    },

    disarm,
    admit,

    async execute(runId) {
      waiting.delete(runId);
      await disarming.get(runId);
      const queued = await runs.find(runId);
      if (queued?.status !== 'queued' || active.has(runId) || starting.has(runId)) return true;
      starting.set(runId, false);
      listen();
      let isPlaced = false;
      try {
        isPlaced = await slots.acquire(closing.signal, storage.isShared ? ROOM_WAIT_MS : null);
      } finally {
        if (!isPlaced) starting.delete(runId);
      }
      if (!isPlaced) {
        waiting.add(runId);
        return false;
      }
      try {
        const workspace = await workspaceOrRefusal(queued);
        if (typeof workspace === 'string') {
          await runs.finish(runId, null, failureOf(workspace));
          await storage.changes.publish({ kind: 'run', id: runId });
          return true;
        }
        runner.prepare(runId);
        const claimed = await claimSurely(runId, placeOf(workspace));
        if (!claimed) {
          await runner.discard(runId);
          return true;
        }
        void storage.changes.publish({ kind: 'run', id: runId });
        await run(claimed, workspace);
        return true;
      } finally {
        starting.delete(runId);
        slots.free();
      }
    },

    async recover() {
      // runs of ours that a firing was about to store
      await storage.schedules.completeFirings();
      const running = await runs.listRunningOf(workerId);
      const ids = new Set([...(await runner.listSpooled()), ...running.map(({ id }) => id)]);
      for (const id of ids) await evenIfLater(`taking up run ${id}`, () => recoverRun(id));
      await beat();
    },

    cancelIfHere,
    countActive: active.count,

    async close() {
      clearInterval(heartbeat);
      stopListening?.();
      await active.vouchWhileStopped();
      closing.abort();
      await runner.close();
      await active.ended();
    },
  };
}

async function nothing(): Promise<void> {}

function placeOf({ workingFolder, ansibleConfig }: Workspace): RunPlace {
  return { workingFolder, ansibleConfig };
}

function endOf(exit: RunExit): RunEnd {
  const { exitCode, reason, finishedAt } = exit;
  const status = exit.isCanceled
    ? 'canceled'
    : exit.isTimedOut
      ? 'timedOut'
      : exit.isLost
        ? 'lost'
        : exitCode === 0
          ? 'succeeded'
          : 'failed';
  return { status, exitCode, reason, finishedAt };
}
