import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { TickOutcome } from '../../graphql/generated/graphql.ts';
import { runLink } from '../../lib/links.ts';
import { absolute, currentTime, latenessOf, relative, span } from '../../lib/time.ts';
import { StatusBadge } from '../../ui/status-badge.tsx';
import type { LedgerTick } from './ledger-operations.ts';

const NOT_STARTED: Record<Exclude<TickOutcome, 'STARTED'>, { glyph: string; word: string; tone: string }> = {
  SKIPPED: { glyph: '↷', word: 'Skipped', tone: 'skip' },
  MISSED: { glyph: '∅', word: 'Missed', tone: 'bad' },
};

/** One instant of the ledger: what the scheduler did, and the run it started. */
export function TickRow(props: { tick: LedgerTick; timezone: string }) {
  const lateMs = () => latenessOf(props.tick.scheduledFor, props.tick.run?.startedAt);
  // the tick's reason and the run's are independent: one explains the scheduler, the other the outcome
  const reasons = () =>
    [...new Set([props.tick.reason, props.tick.run?.reason])].filter((reason) => reason != null);
  return (
    <tr>
      <td class="num">
        {absolute(props.tick.scheduledFor, props.timezone)}
        <div class="s">{relative(props.tick.scheduledFor, currentTime())}</div>
      </td>
      <td>
        <Show
          when={props.tick.outcome !== 'STARTED' && NOT_STARTED[props.tick.outcome]}
          fallback={
            <Show when={props.tick.run} fallback={<span class="sub">started a run that was removed</span>}>
              {(run) => (
                <A href={runLink(run().id)}>
                  <StatusBadge run={run()} />
                </A>
              )}
            </Show>
          }
        >
          {(outcome) => (
            <span class={`st ${outcome().tone}`}>
              <span aria-hidden="true">{outcome().glyph}</span>
              {outcome().word}
            </span>
          )}
        </Show>
        <For each={reasons()}>{(reason) => <div class="s mt-1">{reason}</div>}</For>
      </td>
      <td class="wide num sub">
        <Show when={lateMs() !== null} fallback="–">
          +{span(lateMs() ?? 0)}
        </Show>
      </td>
    </tr>
  );
}
