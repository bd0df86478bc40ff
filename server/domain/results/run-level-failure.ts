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

/** Before ansible-core 2.19. */
const APPEARS_IN = "The error appears to be in '";
/** From 2.19 on: with a line, and mostly a column. */
const ORIGIN = 'Origin: ';
const NUMBER = /^\d{1,9}$/;

function placeIn(line: string): { readonly file: string; readonly line: number } | null {
  if (line.startsWith(APPEARS_IN)) {
    const end = line.indexOf("': line ");
    const [number = ''] = end < 0 ? [] : line.slice(end + "': line ".length).split(',', 1);
    return NUMBER.test(number) ? { file: line.slice(APPEARS_IN.length, end), line: Number(number) } : null;
  }
  if (!line.startsWith(ORIGIN)) return null;
  const parts = line.slice(ORIGIN.length).trimEnd().split(':');
  const hasColumn = NUMBER.test(parts.at(-1) ?? '') && NUMBER.test(parts.at(-2) ?? '');
  const number = parts.at(hasColumn ? -2 : -1) ?? '';
  const file = parts.slice(0, hasColumn ? -2 : -1).join(':');
  return NUMBER.test(number) && file !== '' ? { file, line: Number(number) } : null;
}

/**
 * Finds Ansible's last error in the last lines of a log.
 * @param lines as a reader sees them, without colours
 * @param firstLine number of the first of them
 */
export function loggedErrorIn(lines: readonly string[], firstLine: number): LoggedError | null {
  const at = lines.findLastIndex((line) => line.startsWith('ERROR! ') || line.startsWith('[ERROR]: '));
  if (at < 0) return null;
  for (const line of lines.slice(at)) {
    const place = placeIn(line);
    if (place) return { logLine: firstLine + at, ...place };
  }
  return { logLine: firstLine + at, file: null, line: null };
}
