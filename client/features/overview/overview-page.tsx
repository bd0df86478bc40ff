import { A, useNavigate } from '@solidjs/router';
import { createMemo, createUniqueId, For, type JSX, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import type { OverviewQuery } from '../../graphql/generated/graphql.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { outcomeLine } from '../../lib/failures.ts';
import { runLink, scheduleLink } from '../../lib/links.ts';
import { absolute, currentTime, relative, took } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Empty } from '../../ui/states.tsx';
import { ProblemBadge, StatusBadge } from '../../ui/status-badge.tsx';
import { markSeen, seenUntil } from './last-visit.ts';
import {
  ANY_RUN_CHANGED,
  ANY_SCHEDULE_CHANGED,
  endOf,
  type FailedGroup,
  type FailedRun,
  failedGroups,
  OVERVIEW,
} from './overview-operations.ts';

/** What one wants to know first: what failed meanwhile, what runs, and what comes next. */
export default function OverviewPage() {
  const navigate = useNavigate();
  const query = createLiveQuery(OVERVIEW, () => ({}));
  onCleanup(subscribe(ANY_RUN_CHANGED, {}, { next: query.invalidate, error: () => undefined }));
  onCleanup(subscribe(ANY_SCHEDULE_CHANGED, {}, { next: query.invalidate, error: () => undefined }));
  const failed = createMemo(() => failedGroups(nodesOf(query.data()?.failed), seenUntil()));

  return (
    <>
      <div class="head">
        <h1>Overview</h1>
      </div>
      <Loaded query={query}>
        <Block
          title="Failed since your last visit"
          rows={failed()}
          count={failed().length}
          aside={
            <>
              <span class="sub num">since {sinceWords(seenUntil())}</span>
              <span class="sp" />
              <Show when={failed().length > 0}>
                <Button kind="quiet" onClick={markSeen}>
                  Mark as seen
                </Button>
              </Show>
            </>
          }
          empty={<p class="sub px-4 py-3">Nothing failed.</p>}
        >
          {(group) => <FailedRow group={group} />}
        </Block>
        <Block
          title="Running"
          rows={nodesOf(query.data()?.running)}
          count={query.data()?.running.totalCount ?? 0}
          empty={<p class="sub px-4 py-3">Nothing runs.</p>}
        >
          {(run) => <RunningRow run={run} />}
        </Block>
        <Block
          title="Next"
          rows={nodesOf(query.data()?.next)}
          empty={
            <Empty
              title="Nothing is scheduled yet"
              actions={
                <Button kind="primary" onClick={() => navigate('/playbooks/')}>
                  Open a playbook
                </Button>
              }
            >
              Open a playbook and say when it should run.
            </Empty>
          }
        >
          {(schedule) => <NextRow schedule={schedule} />}
        </Block>
      </Loaded>
    </>
  );
}

const nodesOf = <T,>(list: { readonly edges: readonly { readonly node: T }[] } | undefined): T[] =>
  list?.edges.map(({ node }) => node) ?? [];

/** To the minute. */
const sinceWords = (ms: number) => absolute(new Date(Math.floor(ms / 60_000) * 60_000).toISOString());

/** A titled table, or what stands in its place when it has no rows. */
function Block<T>(props: {
  title: string;
  rows: readonly T[];
  /** Shown beside the title unless it is 0. */
  count?: number;
  aside?: JSX.Element;
  empty: JSX.Element;
  children: (row: T) => JSX.Element;
}) {
  const id = createUniqueId();
  return (
    <section class="card block" aria-labelledby={id}>
      <div class="tools">
        <h2 id={id}>
          {props.title} <span class="sub num">{props.count || ''}</span>
        </h2>
        {props.aside}
      </div>
      <Show when={props.rows.length > 0} fallback={props.empty}>
        <table>
          <tbody>
            <For each={props.rows}>{(row) => props.children(row)}</For>
          </tbody>
        </table>
      </Show>
    </section>
  );
}

function RunningRow(props: { run: OverviewQuery['running']['edges'][number]['node'] }) {
  return (
    <tr>
      <td class="lead">
        <A href={runLink(props.run.id)}>
          <StatusBadge run={props.run} />
        </A>
      </td>
      <td>
        <A class="t hover:underline" href={runLink(props.run.id)}>
          {props.run.schedule?.name ?? props.run.playbook}
        </A>
      </td>
      <td class="num text-right">{took(props.run.startedAt ?? props.run.queuedAt)}</td>
    </tr>
  );
}

function NextRow(props: { schedule: OverviewQuery['next']['edges'][number]['node'] }) {
  return (
    <tr>
      <td class="num lead">
        <Show when={props.schedule.nextRunAt} fallback={<ProblemBadge />}>
          {(at) => <span title={absolute(at())}>{relative(at(), currentTime())}</span>}
        </Show>
      </td>
      <td>
        <A class="t hover:underline" href={scheduleLink(props.schedule.id)}>
          {props.schedule.name}
        </A>
        <Show when={props.schedule.problem}>{(problem) => <div class="help err">{problem()}</div>}</Show>
      </td>
    </tr>
  );
}

function FailedRow(props: { group: FailedGroup<FailedRun> }) {
  const run = () => props.group.run;
  return (
    <tr>
      <td class="lead">
        <A href={runLink(run().id)}>
          <StatusBadge run={run()} />
        </A>
      </td>
      <td>
        <A class="t hover:underline" href={runLink(run().id)}>
          {run().schedule?.name ?? run().playbook}
        </A>
        <Show when={outcomeLine(run())}>{(line) => <div class="s">{line()}</div>}</Show>
      </td>
      <td class="num text-right whitespace-nowrap">
        {relative(new Date(endOf(run())).toISOString(), currentTime())}
        <Show when={props.group.count > 1}>
          <div class="s">{props.group.count} times</div>
        </Show>
      </td>
    </tr>
  );
}
