import { A, useNavigate, useParams } from '@solidjs/router';
import { createMemo, For, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { decodedParam, playbookLink } from '../../lib/links.ts';
import { parameterWords, valuesOf } from '../../lib/parameters.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { currentTime, relative } from '../../lib/time.ts';
import { cronOf, whyNoNextRun } from '../../lib/timing.ts';
import { Button } from '../../ui/button.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { createPager, PagerButtons } from '../../ui/pager.tsx';
import { Empty } from '../../ui/states.tsx';
import { ProblemBadge } from '../../ui/status-badge.tsx';
import {
  LEDGER,
  type LedgerSchedule,
  RUN_CHANGED,
  SCHEDULE_CHANGED,
  scheduleOf,
} from './ledger-operations.ts';
import { TickRow } from './tick-row.tsx';

const PAGE = 50;

export default function SchedulePage() {
  const params = useParams<{ id: string }>();
  return (
    <Show when={decodedParam(params.id)} keyed>
      {(id) => <OneSchedule id={id} />}
    </Show>
  );
}

/** A schedule and its ledger: what the scheduler did at each instant, including those without a run. */
function OneSchedule(props: { id: string }) {
  const navigate = useNavigate();
  const pager = createPager(PAGE);
  const query = createLiveQuery(LEDGER, () => ({ id: props.id, ...pager.page() }));
  onCleanup(subscribe(SCHEDULE_CHANGED, {}, { next: query.invalidate }));
  onCleanup(subscribe(RUN_CHANGED, {}, { next: query.invalidate }));
  const schedule = createMemo(() => scheduleOf(query.data()));

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

function About(props: { schedule: LedgerSchedule }) {
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
