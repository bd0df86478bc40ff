import type { RunParameters } from '../../../shared/run-parameters.ts';
import { SCHEDULER } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Run, RunEnd, RunPlace, RunSummary } from '../../domain/runs/run.ts';
import {
  type RunExit,
  type Runner,
  type RunProcess,
  RunRefusedError,
  type RunRequest,
  type Workspace,
} from '../../runner/runner.ts';
import type { Storage } from '../../storage/storage.ts';
import type { PlaybookService } from '../playbooks/playbook-service.ts';
import type { HeldRuns } from './held-runs.ts';

/** Starts runs on this node. */
export interface RunStart {
  /**
   * The request for the runner, or why the run cannot be started, in words. Never rejects.
   * @param isRunnable whether the caller has just checked that the playbook can be run
   */
  requestOrRefusal(run: Run, isRunnable?: boolean): Promise<PlannedRun | string>;
  /** The run's own time limit, or else the server's, in ms; null: neither is set. */
  timeoutOf(parameters: RunParameters | null): number | null;
  /**
   * Claims a queued run. If the database's answer is lost, asks again until it is known: a claimed run that
   * nobody starts would count as lost.
   * @returns null when another node has it
   */
  claimUntilAnswered(runId: string, place: RunPlace): Promise<RunSummary | null>;
  /** Starts a claimed run and follows it to its end. The caller holds its slot. */
  start(ours: RunSummary, request: PlannedRun): Promise<void>;
  failureOf(reason: string): RunEnd;
}

/** A run request whose files may still be missing: long ones take milliseconds to write, so they wait for room. */
export type PlannedRun = Omit<RunRequest, 'files'> & {
  readonly files: RunRequest['files'] | null;
  readonly onlyHosts: Run['onlyHosts'];
};

export interface RunStartOptions {
  readonly storage: Pick<Storage, 'runs'>;
  readonly runner: Pick<Runner, 'workspaceOf' | 'filesOf' | 'start' | 'disarm' | 'discard'>;
  readonly playbooks: Pick<PlaybookService, 'root' | 'checkRunnable'>;
  readonly workerId: string;
  /** Default time limit for runs that set none, in ms; null: no limit. */
  readonly timeoutMs: number | null;
  now(): Date;
  onError(error: unknown, during: string): void;
}

export function createRunStart(options: RunStartOptions, held: HeldRuns): RunStart {
  const { runner, workerId } = options;
  const { runs } = options.storage;
  const { active, starting } = held;

  /** Why a playbook cannot be run, in words; null when it can. */
  async function refusalOf(playbook: string, parameters: RunParameters): Promise<string | null> {
    try {
      await options.playbooks.checkRunnable(SCHEDULER, playbook, parameters);
      return null;
    } catch (error) {
      if (error instanceof DomainError) return `It was not started. ${error.message}`;
      options.onError(error, `looking at playbook ${playbook}`);
      return 'It was not started. The playbook could not be read.';
    }
  }

  function timeoutOf(parameters: RunParameters | null): number | null {
    const seconds = parameters?.timeoutSeconds ?? null;
    return seconds === null ? options.timeoutMs : seconds * 1_000;
  }

  async function requestOrRefusal(
    { id, playbook, parameters, onlyHosts }: Run,
    isRunnable = false,
  ): Promise<PlannedRun | string> {
    if (parameters === null) return 'It was not started. What is stored of its parameters cannot be read.';
    const refusal = isRunnable ? null : await refusalOf(playbook, parameters);
    if (refusal !== null) return refusal;
    try {
      const workspace = runner.workspaceOf(options.playbooks.root, playbook, parameters);
      // most runs need no file, and start without waiting for one
      const files = parameters.extraVarsJson === null && onlyHosts === null ? [] : null;
      const timeoutMs = timeoutOf(parameters);
      return { runId: id, playbook, parameters, onlyHosts, workspace, files, timeoutMs };
    } catch (error) {
      if (error instanceof RunRefusedError) return `It was not started. ${error.message}`;
      options.onError(error, `looking for the working folder of ${playbook}`);
      return 'It was not started. Its working folder could not be read.';
    }
  }

  function failureOf(reason: string): RunEnd {
    return { status: 'failed', exitCode: null, reason, finishedAt: options.now() };
  }

  /**
   * Whether this node still owns a claimed run: after a pause longer than the lease it cannot know without
   * asking.
   */
  async function isStillOurs({ id, leaseUntil }: RunSummary): Promise<boolean> {
    if (leaseUntil !== null && options.now() < leaseUntil) return true;
    const renewed = await held.untilAnswered(`looking whether run ${id} is ours`, () =>
      runs.renewLeases(workerId, [id], active.lease()),
    );
    return renewed.length === 1;
  }

  async function refuseToStart(id: string, error: unknown): Promise<void> {
    starting.delete(id);
    const isRefused = error instanceof RunRefusedError;
    if (!isRefused) options.onError(error, `starting run ${id}`);
    await active.finish(
      id,
      failureOf(isRefused ? error.message : 'It could not be started: internal error.'),
    );
    await runner.discard(id);
  }

  async function start(ours: RunSummary, planned: PlannedRun): Promise<void> {
    const { id } = ours;
    let files: RunRequest['files'];
    try {
      files = planned.files ?? (await runner.filesOf(planned.parameters, planned.onlyHosts));
    } catch (error) {
      return refuseToStart(id, error);
    }
    if (!(await isStillOurs(ours))) {
      starting.delete(id);
      await active.finish(id, failureOf('It was not started: its node was paused for too long.'));
      await runner.disarm(id);
      return;
    }
    let process: RunProcess;
    try {
      process = runner.start({ ...planned, files });
    } catch (error) {
      return refuseToStart(id, error);
    }
    const ended = held.follow(process, { isNew: true, isLost: false, endOf });
    const isCanceled = starting.get(id);
    starting.delete(id);
    if (isCanceled) held.cancelIfHere(id);
    await ended;
  }

  function claimUntilAnswered(runId: string, place: RunPlace): Promise<RunSummary | null> {
    return held.untilAnswered(`claiming run ${runId}`, async () => {
      const claimed = await runs.claim(runId, workerId, options.now(), active.lease(), place);
      if (claimed) return claimed;
      const found = await runs.find(runId);
      return found?.status === 'running' && found.workerId === workerId ? found : null;
    });
  }

  return { requestOrRefusal, timeoutOf, claimUntilAnswered, start, failureOf };
}

export function placeOf({ workingFolder, ansibleConfig }: Workspace): RunPlace {
  return { workingFolder, ansibleConfig };
}

export function endOf(exit: RunExit): RunEnd {
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
