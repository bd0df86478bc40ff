import type { RunSummary } from '../runs/run.ts';
import type { Failure } from './run-failures.ts';

/** Where Ansible says in the log what stopped it. */
export interface LoggedError {
  /** Line of the log. */
  readonly logLine: number;
  /** As Ansible prints it, mostly absolute; null: it names none. */
  readonly file: string | null;
  readonly line: number | null;
}

/** Exit codes with which Ansible reports failed or unreachable hosts. */
const HOSTS_FAILED: ReadonlySet<number | null> = new Set([2, 4, 6]);

/**
 * Whether the run failed by itself and not only on some hosts: it could not begin, was ended by its time limit, or
 * got lost.
 * @param failures those of tasks
 */
export function hasFailedItself(run: RunSummary, failures: readonly Failure[]): boolean {
  switch (run.status) {
    case 'timedOut':
    case 'lost':
      return true;
    case 'failed':
      return failures.length === 0 || !HOSTS_FAILED.has(run.exitCode);
    default:
      return false;
  }
}

/** A failure of the run itself, in the form of a task's. */
export function runLevelFailure(run: RunSummary, error: LoggedError | null): Failure {
  return {
    hosts: [],
    task: '',
    message:
      run.reason ?? (run.exitCode === null ? 'It failed.' : `It ended with exit code ${run.exitCode}.`),
    file: error?.file ?? null,
    line: error?.line ?? null,
    logLine: error?.logLine ?? null,
    status: 'failed',
  };
}

// Ansible before 2.19, and from 2.19 on
const APPEARS_IN = /^The error appears to be in '([^'\n]{1,1000})': line (\d{1,9}), column/;
const ORIGIN = /^Origin: ([^\n]{1,1000}?):(\d{1,9})(?::\d{1,9})?$/;

/**
 * Finds Ansible's last error in the last lines of a log.
 * @param lines as a reader sees them, without colours
 * @param firstLine number of the first of them
 */
export function loggedErrorIn(lines: readonly string[], firstLine: number): LoggedError | null {
  const at = lines.findLastIndex((line) => line.startsWith('ERROR! ') || line.startsWith('[ERROR]: '));
  if (at < 0) return null;
  for (const line of lines.slice(at)) {
    const [, file, number] = APPEARS_IN.exec(line) ?? ORIGIN.exec(line) ?? [];
    if (file !== undefined) return { logLine: firstLine + at, file, line: Number(number) };
  }
  return { logLine: firstLine + at, file: null, line: null };
}
