import { constants as osConstants } from 'node:os';
import type { RunExit } from '../runner.ts';
import type { Ending, SpoolStatus } from './spool.ts';

/** @param explain words the reason of a run that ended by itself */
export function describeExit(
  status: SpoolStatus | null,
  why: Ending | null,
  timeoutMs: number | null,
  explain: (exitCode: number) => string | null,
): RunExit {
  const signalName = status ? signalOf(status.code) : null;
  const exitCode = status && signalName === null ? status.code : null;
  const base = {
    exitCode,
    signal: signalName,
    isCanceled: why === 'canceled',
    isTimedOut: why === 'timedOut',
    isLost: false,
  };
  const finishedAt = status?.at ?? new Date();
  if (why === 'canceled') return { ...base, finishedAt, reason: 'Canceled on request.' };
  if (why === 'timedOut') {
    const limit = timeoutMs === null ? 'its time limit' : `its limit of ${timeoutMs / 1_000} s`;
    return { ...base, finishedAt, reason: `It took longer than ${limit} and was ended.` };
  }
  if (status === null) return lostExit('Its supervisor was killed and left no exit status.');
  return {
    ...base,
    finishedAt,
    reason: status.wasFull
      ? 'The disk was full: what it printed may not all be here.'
      : signalName
        ? `It was killed by ${signalName}.`
        : explain(status.code),
  };
}

/** A shell reports signal n as 128 + n; Ansible itself uses none of those codes. */
function signalOf(code: number): string | null {
  if (code <= 128) return null;
  const found = Object.entries(osConstants.signals).find(([, number]) => number === code - 128);
  return found?.[0] ?? null;
}

export function lostExit(reason: string): RunExit {
  return {
    exitCode: null,
    signal: null,
    isCanceled: false,
    isTimedOut: false,
    isLost: true,
    reason,
    finishedAt: new Date(),
  };
}

export function notStartedExit(): RunExit {
  const reason =
    'It was not started: its supervisor did not begin. The machine may have no process or memory left.';
  return { ...lostExit(reason), isLost: false };
}
