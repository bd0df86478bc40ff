import { useNavigate } from '@solidjs/router';
import { createMemo, createSignal, For, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { currentTime, relative } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { createPager, PagerButtons } from '../../ui/pager.tsx';
import { Empty } from '../../ui/states.tsx';
import { QUEUE, RUN_CHANGED, SCHEDULE_CHANGED } from './queue-operations.ts';
import { ScheduleRow } from './schedule-row.tsx';
import { TIMELINE_RUNS, Timeline } from './timeline.tsx';

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
        <Button kind="primary" onClick={() => openScheduleDialog({ kind: 'create', playbook: null })}>
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
            <table class="queue">
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
                  {(schedule) => <ScheduleRow schedule={schedule} onChanged={query.invalidate} />}
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
            <Button kind="primary" onClick={() => openScheduleDialog({ kind: 'create', playbook: null })}>
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
