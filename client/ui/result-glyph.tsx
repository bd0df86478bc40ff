import type { ResultStatus } from '../graphql/generated/graphql.ts';

/** Shape, colour and word: a result never depends on one of them alone. */
const LOOKS: Record<ResultStatus, { glyph: string; word: string; tone: string }> = {
  OK: { glyph: '✓', word: 'ok', tone: 'ok' },
  CHANGED: { glyph: '~', word: 'changed', tone: 'wait' },
  SKIPPED: { glyph: '–', word: 'skipped', tone: 'skip' },
  FAILED: { glyph: '✕', word: 'failed', tone: 'bad' },
  UNREACHABLE: { glyph: '⌁', word: 'unreachable', tone: 'bad' },
  RESCUED: { glyph: '↺', word: 'rescued', tone: 'skip' },
  IGNORED: { glyph: '!', word: 'ignored', tone: 'skip' },
};

export function ResultGlyph(props: { status: ResultStatus }) {
  return (
    <span class={`res ${LOOKS[props.status].tone}`} title={LOOKS[props.status].word}>
      <span aria-hidden="true">{LOOKS[props.status].glyph}</span>
      <span class="sr-only">{LOOKS[props.status].word}</span>
    </span>
  );
}

interface Counts {
  readonly ok: number;
  readonly changed: number;
  readonly unreachable: number;
  readonly failed: number;
  readonly skipped: number;
  readonly rescued: number;
  readonly ignored: number;
}

/** What stands out of several results, worst first; null: there are none. */
export function worstOf(counts: Counts): ResultStatus | null {
  if (counts.failed > 0) return 'FAILED';
  if (counts.unreachable > 0) return 'UNREACHABLE';
  if (counts.ignored > 0) return 'IGNORED';
  if (counts.rescued > 0) return 'RESCUED';
  if (counts.changed > 0) return 'CHANGED';
  if (counts.ok > 0) return 'OK';
  return counts.skipped > 0 ? 'SKIPPED' : null;
}
