import * as DropdownMenu from '@kobalte/core/dropdown-menu';
import { A, useIsRouting, useNavigate } from '@solidjs/router';
import { For, Show } from 'solid-js';
import { onFirstClick } from '../../lib/clicks.ts';
import { outcomeLine } from '../../lib/failures.ts';
import { playbookLink, runLink, scheduleLink } from '../../lib/links.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { absolute, currentTime, relative } from '../../lib/time.ts';
import { cronOf, whyNoNextRun } from '../../lib/timing.ts';
import { Button } from '../../ui/button.tsx';
import { outcomeBar, outcomeWords, ProblemBadge, StatusBadge } from '../../ui/status-badge.tsx';
import type { QueuedSchedule } from './queue-operations.ts';
import { createScheduleActions } from './schedule-actions.ts';

/** A schedule in the queue: its next run, its last runs, and its actions. */
export function ScheduleRow(props: { schedule: QueuedSchedule; onChanged(): void }) {
  const navigate = useNavigate();
  const actions = createScheduleActions(() => props.schedule, {
    changed: () => props.onChanged(),
    started: (runId) => navigate(runLink(runId)),
    isRouting: useIsRouting(),
  });
  const last = () => props.schedule.runs.edges[0]?.node;
  const failures = () => props.schedule.newest.edges[0]?.node.failures ?? [];

  return (
    <tr class={props.schedule.enabled ? '' : 'off'}>
      <td>
        <button
          type="button"
          class="sw"
          role="switch"
          aria-checked={props.schedule.enabled}
          aria-label={`${props.schedule.name} enabled`}
          onClick={() => void actions.toggle()}
        />
      </td>
      <td class="fade">
        <A class="t hover:underline block" href={scheduleLink(props.schedule.id)}>
          {props.schedule.name}
        </A>
        <A class="s mono hover:underline" href={playbookLink(props.schedule.playbook)}>
          {props.schedule.playbook}
        </A>
      </td>
      <td class="wide fade">
        {props.schedule.description}
        <div class="s">
          <Show when={cronOf(props.schedule.timing)}>{(text) => <code>{text()} </code>}</Show>
          {props.schedule.timezone}
        </div>
      </td>
      <td class="num fade">
        <Show when={props.schedule.nextRunAt} fallback={whyNoNextRun(props.schedule.enabled)}>
          {(at) => (
            <>
              {relative(at(), currentTime())}
              <div class="s">{absolute(at())}</div>
            </>
          )}
        </Show>
        <Show when={props.schedule.problem}>
          {(problem) => (
            <div class="mt-1">
              <ProblemBadge />
              <div class="help err">{problem()}</div>
            </div>
          )}
        </Show>
      </td>
      <td class="wide">
        <Show when={last()} fallback={<span class="sub">never ran</span>}>
          <span class="hist">
            <For each={props.schedule.runs.edges.map((edge) => edge.node).reverse()}>
              {(run) => (
                <A
                  href={runLink(run.id)}
                  class={outcomeBar(run)}
                  title={`${outcomeWords(run)}, ${absolute(run.queuedAt)}`}
                  aria-label={`Run of ${absolute(run.queuedAt)}: ${outcomeWords(run)}`}
                />
              )}
            </For>
          </span>
        </Show>
      </td>
      <td>
        <Show when={last()} fallback={<span class="sub">–</span>}>
          {(run) => (
            <A href={runLink(run().id)}>
              <StatusBadge run={run()} />
              <div class="s num">{relative(run().finishedAt ?? run().queuedAt, currentTime())}</div>
              <Show when={outcomeLine({ ...run(), failures: failures() })}>
                {(line) => <div class="s line-clamp-2">{line()}</div>}
              </Show>
            </A>
          )}
        </Show>
      </td>
      <td class="whitespace-nowrap">
        <Button
          kind="quiet"
          title="Run now"
          aria-label={`Run ${props.schedule.name} now`}
          disabled={actions.isBusy()}
          onClick={onFirstClick(() => void actions.runNow())}
        >
          ▶
        </Button>
        <DropdownMenu.Root>
          <DropdownMenu.Trigger class="btn quiet" aria-label={`More for ${props.schedule.name}`}>
            ⋯
          </DropdownMenu.Trigger>
          <DropdownMenu.Portal>
            <DropdownMenu.Content class="menu">
              <DropdownMenu.Item
                onSelect={() => openScheduleDialog({ kind: 'edit', scheduleId: props.schedule.id })}
              >
                Edit
              </DropdownMenu.Item>
              <DropdownMenu.Item onSelect={() => void actions.copyCurl()}>Copy as curl</DropdownMenu.Item>
              <DropdownMenu.Item onSelect={() => void actions.remove()}>Delete</DropdownMenu.Item>
            </DropdownMenu.Content>
          </DropdownMenu.Portal>
        </DropdownMenu.Root>
      </td>
    </tr>
  );
}
