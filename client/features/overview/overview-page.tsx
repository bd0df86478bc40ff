import { A, useNavigate } from '@solidjs/router';
import { createMemo, For, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { outcomeLine } from '../../lib/failures.ts';
import { runLink, scheduleLink } from '../../lib/links.ts';
import { absolute, currentTime, relative, span } from '../../lib/time.ts';
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
  const failed = createMemo(() =>
    failedGroups(query.data()?.failed.edges.map(({ node }) => node) ?? [], seenUntil()),
  );
  const running = () => query.data()?.running;
  const next = () => query.data()?.next;

  return (
    <>
      <div class="head">
        <h1>Overview</h1>
      </div>
      <Loaded query={query}>
        <section class="card block" aria-labelledby="failed-title">
          <div class="tools">
            <h2 id="failed-title">
              Failed since your last visit{' '}
              <span class="sub num">{failed().length > 0 ? failed().length : ''}</span>
            </h2>
            <span class="sub num">
              since {absolute(new Date(Math.floor(seenUntil() / 60_000) * 60_000).toISOString())}
            </span>
            <span class="sp" />
            <Show when={failed().length > 0}>
              <Button kind="quiet" onClick={markSeen}>
                Mark as seen
              </Button>
            </Show>
          </div>
          <Show when={failed().length > 0} fallback={<p class="sub px-4 py-3">Nothing failed.</p>}>
            <table>
              <tbody>
                <For each={failed()}>{(group) => <FailedRow group={group} />}</For>
              </tbody>
            </table>
          </Show>
        </section>
        <section class="card block" aria-labelledby="running-title">
          <div class="tools">
            <h2 id="running-title">
              Running{' '}
              <span class="sub num">{(running()?.totalCount ?? 0) > 0 ? running()?.totalCount : ''}</span>
            </h2>
          </div>
          <Show
            when={(running()?.edges.length ?? 0) > 0}
            fallback={<p class="sub px-4 py-3">Nothing runs.</p>}
          >
            <table>
              <tbody>
                <For each={running()?.edges.map(({ node }) => node)}>
                  {(run) => (
                    <tr>
                      <td class="lead">
                        <A href={runLink(run.id)}>
                          <StatusBadge run={run} />
                        </A>
                      </td>
                      <td>
                        <A class="t hover:underline" href={runLink(run.id)}>
                          {run.schedule?.name ?? run.playbook}
                        </A>
                      </td>
                      <td class="num text-right">
                        {span(currentTime() - Date.parse(run.startedAt ?? run.queuedAt))}
                      </td>
                    </tr>
                  )}
                </For>
              </tbody>
            </table>
          </Show>
        </section>
        <section class="card block" aria-labelledby="next-title">
          <div class="tools">
            <h2 id="next-title">Next</h2>
          </div>
          <Show
            when={(next()?.edges.length ?? 0) > 0}
            fallback={
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
            <table>
              <tbody>
                <For each={next()?.edges.map(({ node }) => node)}>
                  {(schedule) => (
                    <tr>
                      <td class="num lead">
                        <Show when={schedule.nextRunAt} fallback={<ProblemBadge />}>
                          {(at) => <span title={absolute(at())}>{relative(at(), currentTime())}</span>}
                        </Show>
                      </td>
                      <td>
                        <A class="t hover:underline" href={scheduleLink(schedule.id)}>
                          {schedule.name}
                        </A>
                        <Show when={schedule.problem}>
                          {(problem) => <div class="help err">{problem()}</div>}
                        </Show>
                      </td>
                    </tr>
                  )}
                </For>
              </tbody>
            </table>
          </Show>
        </section>
      </Loaded>
    </>
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
