import * as DropdownMenu from '@kobalte/core/dropdown-menu';
import { A, useIsRouting, useNavigate } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import { mutate } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { QueueQuery } from '../../graphql/generated/graphql.ts';
import { onFirstClick } from '../../lib/clicks.ts';
import { playbookLink, runLink, scheduleLink } from '../../lib/links.ts';
import { createOnce } from '../../lib/once.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { triggerSchedule } from '../../lib/start-runs.ts';
import { absolute, currentTime, relative } from '../../lib/time.ts';
import { cronOf, whyNoNextRun } from '../../lib/timing.ts';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { outcomeBar, outcomeWords, ProblemBadge, StatusBadge } from '../../ui/status-badge.tsx';
import { toast, toastError } from '../../ui/toast.tsx';

const ENABLE = graphql(`
  mutation EnableSchedule($input: UpdateScheduleInput!) {
    updateSchedule(input: $input) {
      __typename
      ... on InvalidInputError { message }
      ... on NotFoundError { message }
      ... on ConflictError { message }
    }
  }
`);
const DELETE = graphql(`
  mutation DeleteSchedule($input: DeleteScheduleInput!) {
    deleteSchedule(input: $input) { __typename ... on NotFoundError { message } }
  }
`);
type Schedule = QueueQuery['schedules']['edges'][number]['node'];

/** A schedule in the queue: when it runs next, how it went, and what can be done with it. */
export function ScheduleRow(props: { schedule: Schedule; onChanged(): void }) {
  const navigate = useNavigate();
  const last = () => props.schedule.runs.edges[0]?.node;

  const toggle = async () => {
    const { id, enabled, name } = props.schedule;
    const { updateSchedule: result } = await mutate(ENABLE, { input: { id, enabled: !enabled } });
    if (result.__typename !== 'UpdateSchedulePayload') toast(result.message, true);
    else toast(enabled ? `“${name}” is paused.` : `“${name}” runs again.`);
    props.onChanged();
  };
  const once = createOnce();
  const [isStarting, setStarting] = createSignal(false);
  const start = async () => {
    const { id, name, overlap } = props.schedule;
    const isActive = last()?.status === 'RUNNING' || last()?.status === 'QUEUED';
    const force = isActive && overlap === 'SKIP';
    const isSure =
      !force ||
      (await confirm({
        title: `Run “${name}” beside its run?`,
        text: 'A run of this schedule goes on. Both would run at the same time.',
        action: 'Run beside it',
      }));
    if (!isSure) return;
    const result = await once({ id, force }, (idempotencyKey) =>
      triggerSchedule({ id, force, idempotencyKey }),
    );
    if (result.__typename === 'TriggerSchedulePayload') navigate(runLink(result.run.id));
    else toast(result.message, true);
  };
  // the page of the run may take long to come, and until then this one is still there
  const isRouting = useIsRouting();
  const isBusy = () => isStarting() || isRouting();
  const runNow = async () => {
    if (isBusy()) return;
    setStarting(true);
    await start().catch(toastError);
    setStarting(false);
  };
  const remove = async () => {
    const { id, name } = props.schedule;
    const isSure = await confirm({
      title: `Delete “${name}”?`,
      text: 'It will not run any more. Its past runs and their logs stay.',
      action: 'Delete schedule',
      isDangerous: true,
    });
    if (!isSure) return;
    const { deleteSchedule: result } = await mutate(DELETE, { input: { id } });
    toast(result.__typename === 'NotFoundError' ? result.message : `“${name}” is deleted.`);
    props.onChanged();
  };

  return (
    <tr class={props.schedule.enabled ? '' : 'off'}>
      <td>
        <button
          type="button"
          class="sw"
          role="switch"
          aria-checked={props.schedule.enabled}
          aria-label={`${props.schedule.name} enabled`}
          onClick={() => void toggle().catch(toastError)}
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
              <Show when={run().reason}>{(reason) => <div class="s line-clamp-2">{reason()}</div>}</Show>
            </A>
          )}
        </Show>
      </td>
      <td class="whitespace-nowrap">
        <Button
          kind="quiet"
          title="Run now"
          aria-label={`Run ${props.schedule.name} now`}
          disabled={isBusy()}
          onClick={onFirstClick(() => void runNow())}
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
              <DropdownMenu.Item onSelect={() => void copyCurl(props.schedule.id)}>
                Copy as curl
              </DropdownMenu.Item>
              <DropdownMenu.Item onSelect={() => void remove().catch(toastError)}>Delete</DropdownMenu.Item>
            </DropdownMenu.Content>
          </DropdownMenu.Portal>
        </DropdownMenu.Root>
      </td>
    </tr>
  );
}

/** The command that runs this schedule now, for a terminal. */
async function copyCurl(id: string): Promise<void> {
  const query = 'mutation ($id: ID!) { triggerSchedule(input: {id: $id}) { __typename } }';
  const body = JSON.stringify({ query, variables: { id } }).replaceAll("'", "'\\''");
  await navigator.clipboard.writeText(
    `curl -H 'content-type: application/json' -H "authorization: Bearer $KEY" -d '${body}' ${location.origin}/graphql`,
  );
  toast('The command is copied.');
}
