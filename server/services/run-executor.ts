import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../domain/errors.ts';
import { isFinished, type Run, type RunEnd } from '../domain/run.ts';
import { type RunExit, type Runner, type RunProcess, RunRefusedError } from '../runner/runner.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Storage } from '../storage/storage.ts';
import type { PlaybookService } from './playbook-service.ts';
import type { RunLogService } from './run-log-service.ts';

/** The runs of this node: starts them, follows them to their end, and takes them up again after a restart. */
export interface RunExecutor {
  /**
   * Starts a run that was just queued, if there is room for it here and no other waits. Whether or not this node then
   * gets it, it is dealt with: a run that could not be started goes the way through the scheduler.
   * @returns false when there is no room
   */
  startNow(run: Run): boolean;
  /** Runs a queued run if it is still to be had; resolves when it has ended. */
  execute(runId: string): Promise<void>;
  /** Takes up what an earlier life of this node has started. Call once, before the scheduler starts. */
  recover(): Promise<void>;
  /** Ends the run if it runs on this node. */
  cancelIfHere(runId: string): void;
  /** How many runs go on here. */
  countActive(): number;
  /** Stops following. The playbooks go on, and are taken up by the next `recover`. */
  close(): Promise<void>;
}

export interface RunExecutorOptions {
  readonly storage: Pick<Storage, 'runs' | 'runLogs' | 'changes' | 'isShared'>;
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

const HEARTBEAT_MS = 5_000;
const LEASE_MS = 30_000;
/** A node that is stopped on purpose comes back, and its playbooks go on meanwhile. */
const LEASE_WHILE_STOPPED_MS = 600_000;
const RETRY_MS = 1_000;

interface ActiveRun {
  readonly process: RunProcess;
  isCanceling: boolean;
  readonly ended: Promise<void>;
}

export function createRunExecutor(options: RunExecutorOptions): RunExecutor {
  const { storage, runner, workerId } = options;
  const { runs } = storage;
  const active = new Map<string, ActiveRun>();
  const closing = new AbortController();
  const slots = createSlots(options.concurrency);
  /** Runs that had to wait: none that comes later may be started before them. */
  const waiting = new Set<string>();

  const heartbeat = setInterval(() => void beat(), HEARTBEAT_MS);
  const stopListening = storage.changes.listen((change) => {
    if (change.kind !== 'run') return;
    if (active.has(change.id)) void cancelIfAsked(change.id);
    // started by another node, or canceled
    if (waiting.has(change.id)) void forgetIfNotQueued(change.id);
  });

  async function beat(): Promise<void> {
    if (active.size === 0) return;
    try {
      for (const run of await runs.renewLeases(workerId, [...active.keys()], lease(LEASE_MS))) {
        if (run.cancelRequestedAt) cancelIfHere(run.id);
      }
    } catch (error) {
      options.onError(error, 'renewing leases');
    }
  }

  async function forgetIfNotQueued(runId: string): Promise<void> {
    try {
      if ((await runs.find(runId))?.status !== 'queued') waiting.delete(runId);
    } catch (error) {
      options.onError(error, `looking at run ${runId}`);
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
    const run = active.get(runId);
    if (!run || run.isCanceling) return;
    run.isCanceling = true;
    run.process
      .cancel((step) => options.onInfo(step, { runId }))
      .catch((error: unknown) => {
        run.isCanceling = false;
        options.onError(error, `canceling run ${runId}`);
      });
  }

  function lease(ms: number): Date {
    return new Date(options.now().getTime() + ms);
  }

  /** Follows a process to its end, and only then says how the run ended: a finished run has its whole log. */
  function follow(process: RunProcess, endOf: (exit: RunExit) => RunEnd): Promise<void> {
    const { runId } = process;
    const work = async () => {
      await options.runLogs.ingest(process, closing.signal);
      await finishSurely(runId, endOf(await process.exit));
      await runner.discard(runId);
    };
    const ended = work()
      .catch((error: unknown) => {
        if (!closing.signal.aborted) options.onError(error, `following run ${runId}`);
      })
      .finally(() => active.delete(runId));
    active.set(runId, { process, isCanceling: false, ended });
    // a cancel that came while it started found nothing to cancel
    void cancelIfAsked(runId);
    return ended;
  }

  /** As often as it takes: the end of a run must not be lost because the database was away. */
  async function finishSurely(runId: string, end: RunEnd): Promise<void> {
    for (;;) {
      try {
        await runs.finish(runId, workerId, end);
        await storage.changes.publish({ kind: 'run', id: runId });
        options.runLogs.notifyEnd(runId);
        return;
      } catch (error) {
        options.onError(error, `storing the end of run ${runId}`);
        await delay(RETRY_MS, undefined, { signal: closing.signal });
      }
    }
  }

  async function refuse(runId: string, owner: string | null, reason: string): Promise<void> {
    const end: RunEnd = { status: 'failed', exitCode: null, reason, finishedAt: options.now() };
    await runs.finish(runId, owner, end);
    await storage.changes.publish({ kind: 'run', id: runId });
  }

  async function start(run: Run): Promise<RunProcess | null> {
    const { playbook, parameters } = run;
    if (parameters === null) {
      await refuse(run.id, null, 'It was not started. What is stored of its parameters cannot be read.');
      return null;
    }
    try {
      await options.playbooks.checkRunnable(playbook, parameters);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      await refuse(run.id, null, `It was not started. ${error.message}`);
      return null;
    }
    // the spool folder is there before the run is ours, so that a crash in between can be told from a lost run
    runner.prepare(run.id);
    const claimed = await runs.claim(run.id, workerId, options.now(), lease(LEASE_MS));
    if (!claimed) {
      await runner.discard(run.id);
      return null;
    }
    try {
      const process = await runner.start({
        runId: run.id,
        playbook,
        parameters,
        timeoutMs: options.timeoutMs,
      });
      void storage.changes.publish({ kind: 'run', id: run.id });
      return process;
    } catch (error) {
      if (!(error instanceof RunRefusedError)) throw error;
      await refuse(run.id, workerId, error.message);
      await runner.discard(run.id);
      return null;
    }
  }

  async function recoverRun(runId: string): Promise<void> {
    const run = await runs.find(runId);
    const isOurs =
      run !== null && run.workerId === workerId && (run.status === 'running' || run.status === 'lost');
    if (!isOurs) {
      if (run === null || isFinished(run.status) || run.status === 'queued') await runner.discard(runId);
      return;
    }
    const found = await runner.reattach(runId);
    switch (found.kind) {
      case 'attached':
        slots.take();
        void follow(found.process, endOf).finally(slots.free);
        return;
      case 'lost': {
        const { reason } = found;
        void follow(found.process, (exit) => ({
          status: 'lost',
          exitCode: null,
          reason,
          finishedAt: exit.finishedAt,
        }));
        return;
      }
      case 'notStarted':
        if (await runs.unclaim(runId, workerId)) {
          await storage.changes.publish({ kind: 'run', id: runId });
          await scheduler.queueRun(runId);
        }
        return;
      default:
        found satisfies never;
    }
  }

  const { scheduler } = options;

  return {
    startNow(run) {
      if (waiting.size > 0 || closing.signal.aborted || !slots.takeIfFree()) {
        waiting.add(run.id);
        return false;
      }
      const work = async () => {
        const process = await start(run);
        if (process) await follow(process, endOf);
      };
      void work()
        .catch(async (error: unknown) => {
          options.onError(error, `starting run ${run.id}`);
          await scheduler.queueRun(run.id);
        })
        // the sweep finds it again
        .catch((error: unknown) => options.onError(error, `queueing run ${run.id}`))
        .finally(slots.free);
      return true;
    },

    async execute(runId) {
      waiting.delete(runId);
      const run = await runs.find(runId);
      if (run?.status !== 'queued' || active.has(runId)) return;
      await slots.acquire(closing.signal);
      try {
        const process = await start(run);
        if (process) await follow(process, endOf);
      } finally {
        slots.free();
      }
    },

    async recover() {
      const running = await runs.listRunningOf(workerId);
      const ids = new Set([...(await runner.listSpooled()), ...running.map((run) => run.id)]);
      for (const id of ids) {
        try {
          await recoverRun(id);
        } catch (error) {
          options.onError(error, `taking up run ${id}`);
        }
      }
      await beat();
    },

    cancelIfHere,
    countActive: () => active.size,

    async close() {
      clearInterval(heartbeat);
      stopListening();
      if (active.size > 0) {
        await runs
          .renewLeases(workerId, [...active.keys()], lease(LEASE_WHILE_STOPPED_MS))
          .catch((error: unknown) => options.onError(error, 'renewing leases'));
      }
      closing.abort();
      await runner.close();
      await Promise.all([...active.values()].map((run) => run.ended));
    },
  };
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

/** So many at once; `take` goes beyond, for what runs already. */
function createSlots(count: number) {
  let taken = 0;
  const waiting: (() => void)[] = [];
  return {
    take() {
      taken += 1;
    },
    takeIfFree(): boolean {
      if (taken >= count || waiting.length > 0) return false;
      taken += 1;
      return true;
    },
    free() {
      taken -= 1;
      if (taken < count) waiting.shift()?.();
    },
    async acquire(signal: AbortSignal): Promise<void> {
      while (taken >= count) {
        signal.throwIfAborted();
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      }
      taken += 1;
    },
  };
}
