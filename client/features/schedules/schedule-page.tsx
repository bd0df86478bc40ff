import { A, useNavigate, useParams } from '@solidjs/router';
import { createMemo, For, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { ScheduleLedgerQuery, TickOutcome } from '../../graphql/generated/graphql.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { decodedParam, playbookLink, runLink } from '../../lib/links.ts';
import { parameterWords, valuesOf } from '../../lib/parameters.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { absolute, currentTime, latenessOf, relative, span } from '../../lib/time.ts';
import { cronOf, whyNoNextRun } from '../../lib/timing.ts';
import { Button } from '../../ui/button.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { createPager, PagerButtons } from '../../ui/pager.tsx';
import { Empty } from '../../ui/states.tsx';
import { ProblemBadge, StatusBadge } from '../../ui/status-badge.tsx';

const LEDGER = graphql(`
  query ScheduleLedger($id: ID!, $first: Int!, $after: String) {
    node(id: $id) {
      ... on Schedule {
        id name playbook description timezone enabled nextRunAt problem
        timing { __typename ... on CronTiming { expression } }
        parameters { ...AllParameters }
        ticks(first: $first, after: $after) {
          totalCount
          pageInfo { hasNextPage endCursor }
          edges { node { scheduledFor outcome reason run { id status exitCode reason startedAt } } }
        }
      }
    }
  }
`);
const SCHEDULE_CHANGED = graphql(`subscription LedgerSchedules { scheduleChanged { id } }`);
const RUN_CHANGED = graphql(`subscription LedgerRuns { runChanged { id } }`);

type Schedule = Extract<NonNullable<ScheduleLedgerQuery['node']>, { ticks: unknown }>;
type Tick = Schedule['ticks']['edges'][number]['node'];

const PAGE = 50;
const NOT_STARTED: Record<Exclude<TickOutcome, 'STARTED'>, { glyph: string; word: string; tone: string }> = {
  SKIPPED: { glyph: '↷', word: 'Skipped', tone: 'skip' },
  MISSED: { glyph: '∅', word: 'Missed', tone: 'bad' },
};

function isSchedule(node: NonNullable<ScheduleLedgerQuery['node']>): node is Schedule {
  return 'ticks' in node;
}

export default function SchedulePage() {
  const params = useParams<{ id: string }>();
  return (
    <Show when={decodedParam(params.id)} keyed>
      {(id) => <OneSchedule id={id} />}
    </Show>
  );
}

/** A schedule and its ledger: what became of each instant, also of those that did not run. */
function OneSchedule(props: { id: string }) {
  const navigate = useNavigate();
  const pager = createPager(PAGE);
  const query = createLiveQuery(LEDGER, () => ({ id: props.id, ...pager.page() }));
  onCleanup(subscribe(SCHEDULE_CHANGED, {}, { next: query.invalidate }));
  onCleanup(subscribe(RUN_CHANGED, {}, { next: query.invalidate }));
  const schedule = createMemo(() => {
    const node = query.data()?.node;
    return node && isSchedule(node) ? node : null;
  });

  return (
    <Loaded query={query}>
      <Show
        when={schedule()}
        fallback={
          <Empty
            title="There is no such schedule"
            actions={<Button onClick={() => navigate('/queue')}>All schedules</Button>}
          >
            It may have been deleted. Its runs are kept.
          </Empty>
        }
      >
        {(current) => (
          <>
            <div class="head">
              <A href="/queue" class="sub">
                Queue /
              </A>
              <h1>{current().name}</h1>
              <Show when={current().problem}>
                <ProblemBadge />
              </Show>
              <span class="sub num">
                {current().ticks.totalCount} {current().ticks.totalCount === 1 ? 'instant' : 'instants'}
              </span>
              <span class="sp" />
              <Button onClick={() => openScheduleDialog({ kind: 'edit', scheduleId: props.id })}>Edit</Button>
            </div>
            <div class="card">
              <About schedule={current()} />
              <Show
                when={current().ticks.edges.length > 0}
                fallback={
                  <Empty title="Nothing was due yet">
                    Each instant is written down here when it comes: whether it started a run, and if not,
                    why.
                  </Empty>
                }
              >
                <table>
                  <thead>
                    <tr>
                      <th>Instant</th>
                      <th>What became of it</th>
                      <th class="wide">Started</th>
                    </tr>
                  </thead>
                  <tbody>
                    <For each={current().ticks.edges}>
                      {(edge) => <TickRow tick={edge.node} timezone={current().timezone} />}
                    </For>
                  </tbody>
                </table>
              </Show>
            </div>
            <PagerButtons pager={pager} pageInfo={current().ticks.pageInfo} back="Newer" forward="Older" />
          </>
        )}
      </Show>
    </Loaded>
  );
}

function About(props: { schedule: Schedule }) {
  return (
    <>
      <div class="run-h">
        <A class="mono hover:underline" href={playbookLink(props.schedule.playbook)}>
          {props.schedule.playbook}
        </A>
        <span>
          {props.schedule.description}
          <span class="sub">
            {' '}
            <Show when={cronOf(props.schedule.timing)}>{(text) => <code>{text()} </code>}</Show>
            {props.schedule.timezone}
          </span>
        </span>
        <For each={parameterWords(valuesOf(props.schedule.parameters))}>
          {(word) => <span class="sub mono break-all">{word}</span>}
        </For>
        <span class="sp" />
        <span class="num">
          <Show when={props.schedule.nextRunAt} fallback={whyNoNextRun(props.schedule.enabled)}>
            {(at) => <>next {relative(at(), currentTime())}</>}
          </Show>
        </span>
      </div>
      <Show when={props.schedule.problem}>{(problem) => <div class="note m-3 bad">{problem()}</div>}</Show>
    </>
  );
}

function TickRow(props: { tick: Tick; timezone: string }) {
  const lateMs = () => latenessOf(props.tick.scheduledFor, props.tick.run?.startedAt);
  // why the instant was handled as it was says nothing about how its run ended
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
