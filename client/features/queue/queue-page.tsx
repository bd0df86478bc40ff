import * as DropdownMenu from '@kobalte/core/dropdown-menu';
import { A, useNavigate } from '@solidjs/router';
import { createMemo, createSignal, For, onCleanup, Show } from 'solid-js';
import { mutate, subscribe } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { QueueQuery } from '../../graphql/generated/graphql.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { playbookLink, runLink, scheduleLink } from '../../lib/links.ts';
import { createOnce } from '../../lib/once.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { absolute, currentTime, relative } from '../../lib/time.ts';
import { cronOf, whyNoNextRun } from '../../lib/timing.ts';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { createPager, PagerButtons } from '../../ui/pager.tsx';
import { Empty } from '../../ui/states.tsx';
import { outcomeBar, outcomeWords, StatusBadge } from '../../ui/status-badge.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { TIMELINE_RUNS, Timeline } from './timeline.tsx';

const QUEUE = graphql(`
  query Queue($first: Int!, $after: String, $fires: Int!, $filter: ScheduleFilter) {
    schedules(first: $first, after: $after, filter: $filter) {
      totalCount
      pageInfo { hasNextPage endCursor }
      edges {
        node {
          id name playbook description timezone overlap enabled nextRunAt problem version
          timing { __typename ... on CronTiming { expression } }
          nextRuns(count: $fires)
          runs(first: 8) { edges { node { id status exitCode reason queuedAt finishedAt } } }
        }
      }
    }
  }
`);
const SCHEDULE_CHANGED = graphql(`subscription QueueSchedules { scheduleChanged { id } }`);
const RUN_CHANGED = graphql(`subscription QueueRuns { runChanged { id } }`);
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
const TRIGGER = graphql(`
  mutation RunScheduleNow($input: TriggerScheduleInput!) {
    triggerSchedule(input: $input) {
      __typename
      ... on TriggerSchedulePayload { run { id } }
      ... on NotFoundError { message }
      ... on InvalidStateError { message }
      ... on InvalidInputError { message }
    }
  }
`);

type Schedule = QueueQuery['schedules']['edges'][number]['node'];
type Filter = 'all' | 'enabled' | 'paused';

const PAGE = 50;

export default function QueuePage() {
  const [filter, setFilter] = createSignal<Filter>('all');
  const [search, setSearch] = createSignal('');
  const pager = createPager(PAGE);
  const query = createLiveQuery(QUEUE, () => ({
    ...pager.page(),
    fires: TIMELINE_RUNS,
    filter: {
      ...(search().trim() === '' ? {} : { search: search().trim() }),
      ...(filter() === 'all' ? {} : { enabled: filter() === 'enabled' }),
    },
  }));
  onCleanup(subscribe(SCHEDULE_CHANGED, {}, { next: query.invalidate }));
  onCleanup(subscribe(RUN_CHANGED, {}, { next: query.invalidate }));

  const schedules = createMemo(() => query.data()?.schedules.edges.map((edge) => edge.node) ?? []);
  const isUnfiltered = () => filter() === 'all' && search().trim() === '' && pager.isFirst();
  const nextRunAt = () =>
    pager.isFirst() ? schedules().find((schedule) => schedule.nextRunAt)?.nextRunAt : null;

  return (
    <>
      <div class="head">
        <h1>Queue</h1>
        <Show when={query.data()}>
          {(data) => (
            <span class="sub num">
              {data().schedules.totalCount} {data().schedules.totalCount === 1 ? 'schedule' : 'schedules'}
              <Show when={nextRunAt()}>{(at) => <>, next {relative(at(), currentTime())}</>}</Show>
            </span>
          )}
        </Show>
        <span class="sp" />
        <input
          type="search"
          class="in !w-60"
          placeholder="Search schedules"
          aria-label="Search schedules"
          value={search()}
          onInput={(event) => {
            pager.reset();
            setSearch(event.currentTarget.value);
          }}
        />
        <Button kind="p" onClick={() => openScheduleDialog({ kind: 'create', playbook: null })}>
          <span aria-hidden="true">◷</span> New schedule
        </Button>
      </div>
      <div class="mb-3 flex gap-2">
        <For each={['all', 'enabled', 'paused'] as const}>
          {(one) => (
            <button
              type="button"
              class="chip capitalize"
              aria-pressed={filter() === one}
              onClick={() => {
                pager.reset();
                setFilter(one);
              }}
            >
              {one}
            </button>
          )}
        </For>
      </div>
      <div class="card">
        <Loaded query={query}>
          <Show when={schedules().length > 0} fallback={<NothingHere isUnfiltered={isUnfiltered()} />}>
            <table>
              <thead>
                <tr>
                  <th style={{ width: '52px' }}>
                    <span class="sr-only">Enabled</span>
                  </th>
                  <th>Playbook</th>
                  <th class="wide">When</th>
                  <th>Next run</th>
                  <th class="wide">Last runs</th>
                  <th>Last result</th>
                  <th style={{ width: '92px' }}>
                    <span class="sr-only">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                <For each={schedules()}>
                  {(schedule) => <Row schedule={schedule} onChanged={query.invalidate} />}
                </For>
              </tbody>
            </table>
          </Show>
        </Loaded>
      </div>
      <PagerButtons
        pager={pager}
        pageInfo={query.data()?.schedules.pageInfo}
        back="Previous"
        forward="Next"
      />
      <Show when={schedules().some((schedule) => schedule.nextRunAt)}>
        <Timeline schedules={schedules()} />
      </Show>
    </>
  );
}

function Row(props: { schedule: Schedule; onChanged(): void }) {
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
    const { triggerSchedule: result } = await once({ id, force }, (idempotencyKey) =>
      mutate(TRIGGER, { input: { id, force, idempotencyKey } }),
    );
    if (result.__typename === 'TriggerSchedulePayload') navigate(runLink(result.run.id));
    else toast(result.message, true);
  };
  const runNow = async () => {
    if (isStarting()) return;
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
        <Show when={props.schedule.problem}>{(problem) => <div class="help err">{problem()}</div>}</Show>
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
            </A>
          )}
        </Show>
      </td>
      <td class="whitespace-nowrap">
        <Button
          kind="q"
          title="Run now"
          aria-label={`Run ${props.schedule.name} now`}
          disabled={isStarting()}
          onClick={() => void runNow()}
        >
          ▶
        </Button>
        <DropdownMenu.Root>
          <DropdownMenu.Trigger class="btn q" aria-label={`More for ${props.schedule.name}`}>
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

function NothingHere(props: { isUnfiltered: boolean }) {
  const navigate = useNavigate();
  return (
    <Show
      when={props.isUnfiltered}
      fallback={<Empty title="No schedule matches">Change the search or the filter.</Empty>}
    >
      <Empty
        title="Nothing is scheduled yet"
        actions={
          <>
            <Button kind="p" onClick={() => openScheduleDialog({ kind: 'create', playbook: null })}>
              <span aria-hidden="true">◷</span> Schedule a playbook
            </Button>
            <Button onClick={() => navigate('/playbooks/')}>Open a playbook</Button>
          </>
        }
      >
        Pick a playbook and say when it should run.
      </Empty>
    </Show>
  );
}
