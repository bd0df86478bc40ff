import { LOG_STREAMS } from '../../domain/logs/run-log.ts';
import type { Reattached, RunProcess, StartedRun } from '../runner.ts';
import type { Discarding } from './discarding.ts';
import { lostExit } from './exit.ts';
import { followFile } from './follower.ts';
import { killAll } from './killing.ts';
import {
  findRunProcesses,
  findSupervisor,
  isSupervisor,
  type ProcessId,
  readBootId,
  signal,
} from './process-tree.ts';
import { limitsOf, type RunContext, supervisedOf } from './run-context.ts';
import type { Ending, Spool } from './spool.ts';
import { supervise, untilGone } from './supervised-run.ts';

/** Reattaches to a run that a previous server process started, whether it still runs or has ended since. */
export async function reattach(
  context: RunContext,
  discarding: Discarding,
  run: StartedRun,
): Promise<Reattached> {
  const { runId, startedAt, timeoutMs } = run;
  const spool = context.spools.of(runId);
  if (!spool.exists())
    return lost(context, runId, 'Its spool folder is gone, and with it what is known of it.');
  if (await neverStarted(spool, runId)) {
    await discarding.remove(runId);
    return { kind: 'notStarted' };
  }
  const noted = spool.readSupervisor();
  const supervisor = await findOwnSupervisor(runId, noted);
  const endedBefore = credibleEnding(spool, run);
  const supervised = { ...supervisedOf(context, runId), startedAt, endedBefore };
  if (supervisor) {
    return {
      kind: 'attached',
      process: supervise({
        ...supervised,
        timeoutMs,
        supervisor: async () => supervisor,
        gone: untilGone(supervisor, context.closing),
      }),
    };
  }
  if (spool.readStatus() || endedBefore) {
    return {
      kind: 'attached',
      process: supervise({
        ...supervised,
        timeoutMs: null,
        supervisor: async () => null,
        gone: Promise.resolve(null),
      }),
    };
  }
  const isOldBoot = noted !== null && noted.bootId !== (await readBootId());
  return lost(
    context,
    runId,
    isOldBoot
      ? 'The machine was restarted while it ran.'
      : `Its supervisor${noted ? ` (process ${noted.pid})` : ''} is gone and left no exit status; somebody killed it.`,
  );
}

/** @param noted as recorded in the spool folder */
async function findOwnSupervisor(runId: string, noted: ProcessId | null): Promise<ProcessId | null> {
  const found = await findSupervisor(runId);
  if (found) return found;
  return noted && (await isSupervisor(noted, runId)) ? noted : null;
}

/** Why a previous server process ended it. Anyone may have written that, so it counts only if it can be true. */
function credibleEnding(
  spool: Spool,
  { startedAt, timeoutMs, isCancelRequested }: StartedRun,
): Ending | null {
  const canBe = {
    canceled: isCancelRequested,
    timedOut: timeoutMs !== null && Date.now() >= startedAt.getTime() + timeoutMs,
  };
  const ending = spool.readEnding();
  return ending !== null && canBe[ending] ? ending : null;
}

/**
 * Whether the program never ran and never will: nobody has created `started`, and nothing else shows that it
 * ran, since a playbook can remove that file.
 */
async function neverStarted(spool: Spool, runId: string): Promise<boolean> {
  if (spool.isStarted() || !spool.giveUpStart()) return false;
  const supervisor = await findSupervisor(runId);
  const others = (await findRunProcesses(runId)).filter(({ pid }) => pid !== supervisor?.pid);
  if (others.length > 0 || spool.readStatus() !== null || spool.hasWritten()) return false;
  if (supervisor) signal(supervisor, 'SIGCONT');
  return true;
}

async function lost(context: RunContext, runId: string, reason: string): Promise<Reattached> {
  const { spools, cgroups } = context;
  await killAll(runId, await cgroups.find(runId, null), null, () => undefined);
  const limits = limitsOf(context, runId);
  for (const stream of LOG_STREAMS) limits[stream].stop();
  const process: RunProcess = {
    runId,
    startedAt: new Date(),
    exit: Promise.resolve(lostExit(reason)),
    read: (stream, offset, abort) =>
      followFile(stream, spools.of(runId).hold(stream), offset, Promise.resolve(), limits[stream], abort),
    cancel: async () => undefined,
  };
  return { kind: 'lost', reason, process };
}
