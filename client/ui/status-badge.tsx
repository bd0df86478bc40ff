import type { RunStatus } from '../graphql/generated/graphql.ts';

/** Shape, colour and word: the status never depends on one of them alone. */
const STATUS: Record<RunStatus, { glyph: string; word: string; tone: string; bar: string }> = {
  QUEUED: { glyph: '◷', word: 'Queued', tone: 'wait', bar: 'h-wait' },
  RUNNING: { glyph: '▸', word: 'Running', tone: 'run', bar: 'h-run' },
  SUCCEEDED: { glyph: '✓', word: 'Succeeded', tone: 'ok', bar: 'h-ok' },
  FAILED: { glyph: '✕', word: 'Failed', tone: 'bad', bar: 'h-bad' },
  CANCELED: { glyph: '■', word: 'Canceled', tone: 'skip', bar: 'h-skip' },
  TIMED_OUT: { glyph: '⧗', word: 'Timed out', tone: 'bad', bar: 'h-bad' },
  LOST: { glyph: '?', word: 'Lost', tone: 'lost', bar: 'h-lost' },
};

/** A run that simply succeeded has no reason; one with a reason did nothing, or less than it should have. */
const WARNED = { glyph: '⚠', word: 'Succeeded with a warning', tone: 'wait', bar: 'h-warned' };

interface Outcome {
  readonly status: RunStatus;
  readonly reason?: string | null | undefined;
}

const lookOf = ({ status, reason }: Outcome) => (status === 'SUCCEEDED' && reason ? WARNED : STATUS[status]);

export function StatusBadge(props: { run: Outcome & { readonly exitCode?: number | null | undefined } }) {
  const look = () => lookOf(props.run);
  const suffix = () =>
    props.run.status === 'FAILED' && props.run.exitCode ? `, exit ${props.run.exitCode}` : '';
  return (
    <span class={`st ${look().tone}`} title={props.run.reason ?? undefined}>
      <span aria-hidden="true">{look().glyph}</span>
      {look().word}
      {suffix()}
    </span>
  );
}

/** Marks a schedule that cannot run as it is; the reason is shown next to it. */
export function ProblemBadge() {
  return (
    <span class="st bad">
      <span aria-hidden="true">⚠</span>
      Problem
    </span>
  );
}

export function statusWord(status: RunStatus): string {
  return STATUS[status].word;
}

/** The outcome in words, for users who cannot see the bar. */
export function outcomeWords(run: Outcome): string {
  return run.status === 'SUCCEEDED' && run.reason ? `${WARNED.word}: ${run.reason}` : statusWord(run.status);
}

/** Class of the bar that represents a run in the history strip. */
export function outcomeBar(run: Outcome): string {
  return lookOf(run).bar;
}

/** Tone of the note that shows a run's reason. */
export function reasonTone(run: Outcome): string {
  const { tone } = lookOf(run);
  return tone === 'ok' || tone === 'run' ? 'skip' : tone;
}

export const ALL_STATUSES = Object.keys(STATUS) as RunStatus[];

export function isEnded(status: RunStatus): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING';
}
