import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../domain/caught.ts';
import { describeExit, lostExit, notStartedExit } from './exit.ts';
import { followFile } from './follower.ts';
import { killAll } from './killing.ts';
import { isRunning, signal } from './process-tree.ts';
import { type RunFacts, readRunFacts } from './run-facts.ts';
import type { RunExit, RunProcess } from './runner.ts';
import type { Ending, Spool, SupervisorId } from './spool.ts';

/** A run that has, or had, a supervisor. */
export interface Supervised {
  readonly spool: Spool;
  readonly runId: string;
  readonly startedAt: Date;
  /** Ends it when it takes longer, in ms; null: no limit. */
  readonly timeoutMs: number | null;
  /** Resolves when the supervisor has ended. */
  readonly gone: Promise<unknown>;
  /** How long a playbook that is asked to end may take before it is killed, in ms; 5 s when left out. */
  readonly cancelGraceMs?: number | undefined;
  /** Stops following the output. */
  readonly closing: AbortSignal;
  warn(what: string, error: unknown): void;
}

const CANCEL_GRACE_MS = 5_000;
/** Between two looks at a supervisor that is not our child. */
const LOOK_MS = 100;
/** How long a supervisor that exists may take to write its id. */
const START_TIMEOUT_MS = 5_000;
/** After so long an end that failed (no file can be opened) is tried again. */
const END_AGAIN_MS = 5_000;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Follows a run to its end, and ends it when its time is up or when it is asked to. */
export function supervise(supervised: Supervised): RunProcess {
  const { spool, runId, startedAt, timeoutMs, gone, warn } = supervised;
  let isGone = false;
  let isOver = false;
  /** Why it is ended; kept here too, since a full disk takes no note of it. */
  let asked: Ending | null = null;
  let ending: Promise<void> | null = null;
  const supervisorGone = gone.then(() => {
    isGone = true;
  });

  const end = (why: Ending, onStep?: (step: string) => void): Promise<void> => {
    asked ??= why;
    ending ??= endRun(asked, onStep ?? (() => undefined)).catch((error: unknown) => {
      // who asks again is not answered with this failure
      ending = null;
      throw error;
    });
    return ending;
  };

  async function endRun(why: Ending, onStep: (step: string) => void): Promise<void> {
    await spool.markEnding(why).catch((error: unknown) => warn(`Noting that run ${runId} is ended`, error));
    // one of which nothing can be read is found with all the others
    const supervisor = await readSupervisorSoon(
      spool,
      Promise.race([supervisorGone, delay(START_TIMEOUT_MS, undefined, { ref: false })]),
    );
    if (supervisor && !isGone) {
      onStep('SIGTERM to ansible-playbook');
      // to the supervisor, which passes it on to the playbook alone: so Ansible can end its workers itself
      signal(supervisor.pid, 'SIGTERM');
      await Promise.race([
        supervisorGone,
        delay(supervised.cancelGraceMs ?? CANCEL_GRACE_MS, undefined, { ref: false }),
      ]);
    }
    await killAll(runId, onStep);
    await supervisorGone;
  }

  const endInTime = (ms: number): { cancel(): void } =>
    startTimer(ms, () => {
      end('timedOut').catch((error: unknown) => {
        warn(`Ending run ${runId}`, error);
        if (!isOver) timer = endInTime(END_AGAIN_MS);
      });
    });
  let timer = timeoutMs === null ? null : endInTime(startedAt.getTime() + timeoutMs - Date.now());

  async function readExit(): Promise<RunExit> {
    await supervisorGone;
    // what was ended on purpose has ended when nothing of it is left
    await ending?.catch((error: unknown) => warn(`Ending run ${runId}`, error));
    const [status, why] = [spool.readStatus(), spool.readEnding() ?? asked];
    const facts = await readRunFacts(spool);
    const exit = status || why ? describeExit(status, why, timeoutMs, facts) : await exitWithoutStatus(facts);
    // ended by an earlier server, or killed from outside: what it had started goes on without anybody who would wait for it
    if (!ending && (why !== null || exit.signal !== null || exit.isLost))
      await killAll(runId, () => undefined);
    await rm(spool.extraVarsPath, { force: true });
    return exit;
  }
  async function exitWithoutStatus(facts: RunFacts): Promise<RunExit> {
    if (!(await spool.exists()))
      return lostExit('Its spool folder was removed while it ran, and with it what is known of its end.');
    if (spool.readSupervisor() === null || !spool.isStarted()) return notStartedExit();
    return describeExit(null, null, timeoutMs, facts);
  }
  const exit = readExit()
    .catch((error: unknown): RunExit => {
      warn(`Reading how run ${runId} ended`, error);
      return lostExit(`How it ended cannot be read: ${messageOf(error)}.`);
    })
    .finally(() => {
      isOver = true;
      timer?.cancel();
    });

  return {
    runId,
    startedAt,
    exit,
    output: (offset, abort) =>
      followFile(
        spool.outputPath,
        offset,
        exit,
        abort ? AbortSignal.any([abort, supervised.closing]) : supervised.closing,
      ),
    cancel: (onStep) => end('canceled', onStep),
  };
}

/** The supervisor's id, which it writes within milliseconds; null when it ends, or time is up, before. */
export async function readSupervisorSoon(
  spool: Spool,
  until: Promise<unknown>,
): Promise<SupervisorId | null> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  until.then(over, over);
  for (;;) {
    const wasOver = isOver;
    const supervisor = spool.readSupervisor();
    if (supervisor || wasOver || spool.readStatus()) return supervisor;
    await delay(10);
  }
}

/** Resolves when a process that is not our child has ended. Never, once `abort` is aborted. */
export async function untilGone(supervisor: SupervisorId, abort: AbortSignal): Promise<void> {
  // what cannot be looked at may be there
  while (await isRunning(supervisor).catch(() => true)) {
    await delay(LOOK_MS, undefined, { ref: false });
    if (abort.aborted) await new Promise(() => undefined);
  }
}

function startTimer(ms: number, onTime: () => void): { cancel(): void } {
  let timer: NodeJS.Timeout;
  const at = Date.now() + ms;
  const arm = () => {
    const left = at - Date.now();
    timer = setTimeout(left > MAX_TIMER_MS ? arm : onTime, Math.min(Math.max(left, 0), MAX_TIMER_MS));
    timer.unref();
  };
  arm();
  return { cancel: () => clearTimeout(timer) };
}
