import { constants as osConstants } from 'node:os';
import type { RunExit } from './runner.ts';
import type { Ending, SpoolStatus } from './spool.ts';

export function describeExit(
  status: SpoolStatus | null,
  why: Ending | null,
  timeoutMs: number | null,
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
        : (EXIT_REASONS[status.code] ?? null),
  };
}

/**
 * What ansible-playbook's exit codes say. A play that has both failed and unreachable hosts ends with the code for unreachable,
 * which is the parser's code, too.
 * @see ansible-core 2.19, lib/ansible/errors/__init__.py (ExitCode) and the end of StrategyBase.run in lib/ansible/plugins/strategy
 */
const EXIT_REASONS: Readonly<Record<number, string>> = {
  1: 'Ansible reported an error.',
  2: 'One or more hosts failed.',
  4: 'One or more hosts could not be reached, or the playbook could not be parsed.',
  5: 'Ansible did not accept its options.',
  99: 'It was interrupted.',
  126: 'ansible-playbook could not be executed.',
  127: 'ansible-playbook was not found, or the interpreter that it names.',
  250: 'Ansible met an unexpected error.',
};

/** A shell gives 128 + n for signal n; Ansible itself has no code in that range. */
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
