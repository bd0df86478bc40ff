import { A, useNavigate } from '@solidjs/router';
import { createMemo, createSignal, For, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import type { RunStatus } from '../../graphql/generated/graphql.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { outcomeLine } from '../../lib/failures.ts';
import { runLink, scheduleLink } from '../../lib/links.ts';
import { absolute, currentTime, relative, took } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { createPager, PagerButtons } from '../../ui/pager.tsx';
import { Empty } from '../../ui/states.tsx';
import { ALL_STATUSES, StatusBadge, statusWord } from '../../ui/status-badge.tsx';
import { ANY_RUN_CHANGED, RUNS } from './run-operations.ts';
import { triggerWord } from './trigger-word.ts';

const PAGE = 50;

export default function RunsPage() {
  const navigate = useNavigate();
  const [status, setStatus] = createSignal<RunStatus | ''>('');
  const pager = createPager(PAGE);
  const query = createLiveQuery(RUNS, () => {
    const wanted = status();
    return { ...pager.page(), filter: wanted === '' ? {} : { status: [wanted] } };
  });
  onCleanup(subscribe(ANY_RUN_CHANGED, {}, { next: query.invalidate }));
  const runs = createMemo(() => query.data()?.runs.edges.map((edge) => edge.node) ?? []);

  return (
    <>
      <div class="head">
        <h1>Runs</h1>
        <Show when={query.data()}>
          {(data) => <span class="sub num">{data().runs.totalCount} in all</span>}
        </Show>
        <span class="sp" />
        <label class="flex items-center gap-2">
          <span class="sub">Status</span>
          <select
            class="in !w-40"
            value={status()}
            onChange={(event) => {
              pager.reset();
              setStatus(event.currentTarget.value as RunStatus | '');
            }}
          >
            <option value="">any</option>
            <For each={ALL_STATUSES}>{(one) => <option value={one}>{statusWord(one)}</option>}</For>
          </select>
        </label>
      </div>
      <div class="card">
        <Loaded query={query}>
          <Show
            when={runs().length > 0}
            fallback={
              <Show
                when={status() === ''}
                fallback={<Empty title="No run has this status">Choose another one.</Empty>}
              >
                <Empty
                  title="Nothing has run yet"
                  actions={
                    <Button kind="primary" onClick={() => navigate('/playbooks/')}>
                      Open a playbook
                    </Button>
                  }
                >
                  Run a playbook, or schedule one; every run and its log is kept here.
                </Empty>
              </Show>
            }
          >
            <table>
              <thead>
                <tr>
                  <th>Status</th>
                  <th>Playbook</th>
                  <th class="wide">Trigger</th>
                  <th>Started</th>
                  <th class="wide">Took</th>
                </tr>
              </thead>
              <tbody>
                <For each={runs()}>
                  {(run) => (
                    <tr>
                      <td>
                        <A href={runLink(run.id)}>
                          <StatusBadge run={run} />
                        </A>
                      </td>
                      <td>
                        <A class="t mono hover:underline" href={runLink(run.id)}>
                          {run.playbook}
                        </A>
                        <Show when={outcomeLine(run)}>{(line) => <div class="s">{line()}</div>}</Show>
                      </td>
                      <td class="wide">
                        {triggerWord(run.trigger)}
                        <Show when={run.schedule}>
                          {(schedule) => (
                            <A class="s block hover:underline" href={scheduleLink(schedule().id)}>
                              {schedule().name}
                            </A>
                          )}
                        </Show>
                      </td>
                      <td class="num">
                        {relative(run.startedAt ?? run.queuedAt, currentTime())}
                        <div class="s">{absolute(run.startedAt ?? run.queuedAt)}</div>
                      </td>
                      <td class="wide num">
                        <Show when={run.startedAt} fallback="–">
                          {(started) => took(started(), run.finishedAt)}
                        </Show>
                      </td>
                    </tr>
                  )}
                </For>
              </tbody>
            </table>
          </Show>
        </Loaded>
      </div>
      <PagerButtons pager={pager} pageInfo={query.data()?.runs.pageInfo} back="Newer" forward="Older" />
    </>
  );
}
