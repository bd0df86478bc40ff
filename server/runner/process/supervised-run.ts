import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../domain/caught.ts';
import { LOG_STREAMS, type LogStream } from '../../domain/logs/run-log.ts';
import type { RunnerTimings } from '../../timings.ts';
import type { RunExit, RunProcess } from '../runner.ts';
import type { Cgroup } from './cgroup.ts';
import { type Descendants, describeSuspects, findSuspects, watchDescendants } from './descendants.ts';
import { describeExit, lostExit, notStartedExit } from './exit.ts';
import { followFile } from './follower.ts';
import { killAll } from './killing.ts';
import type { LaunchEnd } from './launcher.ts';
import { startLongTimer } from './long-timer.ts';
import { isSupervising, type ProcessId, signal } from './process-tree.ts';
import type { Ending, Spool, SpoolStatus } from './spool.ts';
import type { StreamLimit } from './stream-limit.ts';

/** A run that has, or had, a supervisor. */
export interface Supervised {
  readonly spool: Spool;
  readonly limits: Readonly<Record<LogStream, StreamLimit>>;
  readonly runId: string;
  readonly startedAt: Date;
  /** Time limit in ms, after which it is ended; null: none. */
  readonly timeoutMs: number | null;
  /** The supervisor, once it is known; null when it ended before that. */
  supervisor(): Promise<ProcessId | null>;
  /**
   * Resolves when the supervisor has ended, with what is known of that besides the spool folder; null when
   * nothing is, because an earlier server started it.
   */
  readonly gone: Promise<LaunchEnd | null>;
  /** Why an earlier server ended it; null when none did. */
  readonly endedBefore: Ending | null;
  /** Called when the run is about to be ended. */
  onEnding?(): void;
  /** Why a program that ended by itself did so, from its exit code; null when that says it all. */
  explain(exitCode: number): string | null;
  /** The run's cgroup, if it has one. */
  findCgroup(supervisor: ProcessId | null): Promise<Cgroup | null>;
  readonly timings: RunnerTimings;
  /** Stops following its output. */
  readonly closing: AbortSignal;
  warn(what: string, error: unknown): void;
}

/** Interval between polls of a supervisor that is not our child. */
const LOOK_MS = 100;
/** A run that is not in its cgroup after this time is watched. */
const ENTER_MS = 1_000;

/** Follows a run to its end, and ends it on timeout or on request. */
export function supervise(supervised: Supervised): RunProcess {
  const { spool, limits, runId, startedAt, timeoutMs, timings, warn } = supervised;
  let isGone = false;
  let isOver = false;
  /** Why it is being ended; anyone may have written the folder's version. */
  let asked: Ending | null = supervised.endedBefore;
  let ending: Promise<void> | null = null;
  let descendants: Descendants | null = null;
  /** What may be left of it; null when nothing suggests any. */
  let left: string | null = null;
  const supervisorGone = supervised.gone.then((end) => {
    isGone = true;
    return end;
  });

  /** Watches the descendants, unless the run is in a cgroup: then nothing can escape. */
  async function watchUnlessIn(cgroup: Cgroup | null, supervisor: ProcessId | null): Promise<void> {
    if (descendants !== null || (supervisor && (await cgroup?.holds(supervisor.pid)))) return;
    descendants = watchDescendants(runId, supervisor);
  }
  const watching = setTimeout(() => {
    supervised
      .supervisor()
      .then(async (supervisor) => {
        const cgroup = await supervised.findCgroup(supervisor);
        if (!isGone) await watchUnlessIn(cgroup, supervisor);
        if (isOver) descendants?.stop();
      })
      .catch((error: unknown) => warn(`Looking at the processes of run ${runId}`, error));
  }, ENTER_MS).unref();

  const end = (why: Ending, onStep?: (step: string) => void): Promise<void> => {
    asked ??= why;
    supervised.onEnding?.();
    ending ??= endRun(asked, onStep ?? (() => undefined)).catch((error: unknown) => {
      // a later request must not get this failure
      ending = null;
      throw error;
    });
    return ending;
  };

  async function endRun(why: Ending, onStep: (step: string) => void): Promise<void> {
    try {
      spool.markEnding(why);
    } catch (error) {
      warn(`Noting that run ${runId} is ended`, error);
    }
    // a supervisor that is still unknown is found with all other processes
    const supervisor = await Promise.race([
      supervised.supervisor(),
      supervisorGone.then(() => null),
      delay(timings.endTimeoutMs, null, { ref: false }),
    ]);
    const cgroup = await supervised.findCgroup(supervisor);
    if (supervisor && !isGone) {
      await watchUnlessIn(cgroup, supervisor);
      await descendants?.look(false);
      onStep('SIGTERM to ansible-playbook');
      // to the supervisor, which forwards it to the playbook only, so that Ansible can end its workers itself
      signal(supervisor, 'SIGTERM');
      // a stopped supervisor forwards nothing
      signal(supervisor, 'SIGCONT');
      await Promise.race([supervisorGone, delay(timings.cancelGraceMs, undefined, { ref: false })]);
    }
    await killLeft(cgroup, supervisor, onStep);
    await supervisorGone;
  }

  async function killLeft(
    cgroup: Cgroup | null,
    supervisor: ProcessId | null,
    onStep: (step: string) => void,
  ): Promise<void> {
    // a run that ended before it was checked may have left something, too
    if (cgroup === null) descendants ??= watchDescendants(runId, supervisor);
    await killAll(runId, cgroup, descendants, onStep);
    if (descendants) left = await descendants.describeLeft();
    else if (supervisor) {
      const early = await findSuspects(supervisor, ENTER_MS);
      if (early.length > 0) left = describeSuspects(early, 'they were there before its cgroup was');
    }
  }

  const endInTime = (ms: number): { cancel(): void } =>
    startLongTimer(ms, () => {
      end('timedOut').catch((error: unknown) => {
        warn(`Ending run ${runId}`, error);
        if (!isOver) timer = endInTime(timings.endAgainMs);
      });
    });
  let timer = timeoutMs === null ? null : endInTime(startedAt.getTime() + timeoutMs - Date.now());

  async function readExit(): Promise<RunExit> {
    const known = await supervisorGone;
    // a run ended on purpose is over once nothing of it is left
    await ending?.catch((error: unknown) => warn(`Ending run ${runId}`, error));
    // anyone may have written to the folder, so it counts only where nothing else is known
    const status =
      known === null ? spool.readStatus() : known.code === null ? null : { ...known, code: known.code };
    const exit = status || asked ? describe(status) : exitWithoutStatus(known?.hasBegun ?? null);
    // ended by an earlier server, or killed from outside: its children continue and nobody waits for them
    if (!ending && (asked !== null || exit.signal !== null || exit.isLost)) {
      const supervisor = await supervised.supervisor();
      await killLeft(await supervised.findCgroup(supervisor), supervisor, () => undefined);
    }
    try {
      spool.removeFiles();
    } catch (error) {
      // they are removed with the folder later
      warn(`Removing the files of run ${runId}`, error);
    }
    return left === null ? exit : { ...exit, reason: [exit.reason, left].filter(Boolean).join(' ') };
  }

  const describe = (status: SpoolStatus | null) => describeExit(status, asked, timeoutMs, supervised.explain);

  /** @param hasBegun null when unknown */
  function exitWithoutStatus(hasBegun: boolean | null): RunExit {
    if (!spool.exists())
      return lostExit('Its spool folder was removed while it ran, and with it what is known of its end.');
    return (hasBegun ?? spool.isStarted()) ? describe(null) : notStartedExit();
  }
  const exit = readExit()
    .catch((error: unknown): RunExit => {
      warn(`Reading how run ${runId} ended`, error);
      return lostExit(`How it ended cannot be read: ${messageOf(error)}.`);
    })
    .finally(() => {
      isOver = true;
      clearTimeout(watching);
      descendants?.stop();
      timer?.cancel();
      for (const stream of LOG_STREAMS) limits[stream].stop();
    });

  return {
    runId,
    startedAt,
    exit,
    read: (stream, offset, abort) =>
      followFile(
        stream,
        spool.hold(stream),
        offset,
        exit,
        limits[stream],
        abort ? AbortSignal.any([abort, supervised.closing]) : supervised.closing,
      ),
    cancel: (onStep) => end('canceled', onStep),
  };
}

/** Resolves when a process that is not our child has ended. Never, once `abort` is aborted. */
export async function untilGone(supervisor: ProcessId, abort: AbortSignal): Promise<null> {
  // what cannot be inspected may be alive
  while (await isSupervising(supervisor).catch(() => true)) {
    await delay(LOOK_MS, undefined, { ref: false });
    if (abort.aborted) await new Promise(() => undefined);
  }
  return null;
}
