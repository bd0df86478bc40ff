import { causeOf, HIDDEN } from './failure-cause.ts';
import { type HostEvent, parseResultEvent, type ResultStatus } from './result-event.ts';
import type { ResultEntry } from './run-results.ts';

/** What became of a task on a host, or of an item of its loop. */
export interface HostResult {
  readonly host: string;
  readonly play: string;
  readonly task: string;
  readonly action: string;
  readonly status: ResultStatus;
  /** Label of the loop item; null: not an item. */
  readonly item: string | null;
  /** Of a failure, its cause. */
  readonly message: string | null;
  /** Lines of the stream `events` that hold its diff: the first one, and how many; null: it has none. */
  readonly diffLines: { readonly from: number; readonly count: number } | null;
  /** Of the task, relative to the playbook folder where it lies inside. */
  readonly file: string | null;
  readonly line: number | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** The last line of the log that it printed. */
  readonly logLine: number | null;
}

const FAILURES: ReadonlySet<ResultStatus> = new Set(['failed', 'unreachable', 'rescued', 'ignored']);

/** @param text the line of its event */
export function hostResultOf(
  { line, diffs, status, host, task, playName }: ResultEntry,
  text: string,
): HostResult {
  const parsed = parseResultEvent(text);
  const event = parsed?.kind === 'result' || parsed?.kind === 'item' ? parsed : null;
  const message = event && messageOf(event, status);
  return {
    host,
    play: playName,
    task: task?.name ?? '',
    action: task?.action ?? '',
    status,
    item: event?.item ?? null,
    message: message === '' ? null : message,
    diffLines: diffs === 0 ? null : { from: line - diffs, count: diffs },
    file: task?.file ?? null,
    line: task?.line ?? null,
    startedAt: event?.startedAt ?? null,
    finishedAt: event?.finishedAt ?? null,
    logLine: event?.logLine ?? null,
  };
}

function messageOf({ texts, moreItems }: HostEvent, status: ResultStatus): string | null {
  if (!FAILURES.has(status)) return texts.isHidden ? HIDDEN : texts.message;
  const cause = causeOf(texts);
  return moreItems === 0 ? cause : `${cause} (${moreItems} more of its items failed)`;
}
