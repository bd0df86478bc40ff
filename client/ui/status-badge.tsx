import type { RunStatus } from '../graphql/generated/graphql.ts';

/** Shape, colour and word: none of them alone says it. */
const STATUS: Record<RunStatus, { glyph: string; word: string; tone: string; bar: string }> = {
  QUEUED: { glyph: '◷', word: 'Queued', tone: 'wait', bar: 'h-wait' },
  RUNNING: { glyph: '▸', word: 'Running', tone: 'run', bar: 'h-run' },
  SUCCEEDED: { glyph: '✓', word: 'Succeeded', tone: 'ok', bar: 'h-ok' },
  FAILED: { glyph: '✕', word: 'Failed', tone: 'bad', bar: 'h-bad' },
  CANCELED: { glyph: '■', word: 'Canceled', tone: 'skip', bar: 'h-skip' },
  TIMED_OUT: { glyph: '⧗', word: 'Timed out', tone: 'bad', bar: 'h-bad' },
  LOST: { glyph: '?', word: 'Lost', tone: 'lost', bar: 'h-lost' },
};

export function StatusBadge(props: { status: RunStatus; exitCode?: number | null }) {
  const suffix = () => (props.status === 'FAILED' && props.exitCode ? `, exit ${props.exitCode}` : '');
  return (
    <span class={`st ${STATUS[props.status].tone}`}>
      <span aria-hidden="true">{STATUS[props.status].glyph}</span>
      {STATUS[props.status].word}
      {suffix()}
    </span>
  );
}

export function statusWord(status: RunStatus): string {
  return STATUS[status].word;
}

/** Class of the bar that stands for a run in a strip. */
export function statusBar(status: RunStatus): string {
  return STATUS[status].bar;
}

export const ALL_STATUSES = Object.keys(STATUS) as RunStatus[];

export function isEnded(status: RunStatus): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING';
}
