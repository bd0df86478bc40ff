import { createEffect, createMemo, createSignal, on, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { Button } from '../../ui/button.tsx';
import { isEnded, reasonTone } from '../../ui/status-badge.tsx';
import { DriftNote } from './drift-note.tsx';
import { FailureList } from './failure-list.tsx';
import { HostTable } from './host-table.tsx';
import { outcomeOf, playsOf, RUN_OUTCOME, RUN_PLAYS, RUN_RESULTS } from './result-operations.ts';
import type { OneRun } from './run-operations.ts';
import { TaskOutline } from './task-outline.tsx';

/** Results come many a second, and reading them again costs both sides. */
const REREAD_MS = 1_000;

type Section = 'hosts' | 'tasks';

/** What a run did: what went wrong, its hosts, and its tasks; up to date while it runs. */
export function RunResults(props: { run: OneRun }) {
  const [section, setSection] = createSignal<Section | null>(null);
  const id = () => props.run.id;
  const query = createLiveQuery(RUN_OUTCOME, () => ({ id: id() }));
  const plays = createLiveQuery(RUN_PLAYS, () => (section() === 'tasks' ? { id: id() } : null));
  const outcome = createMemo(() => outcomeOf(query.data()));
  const failures = () => outcome()?.failures ?? [];
  const recap = () => outcome()?.recap ?? [];
  const failedHosts = () => recap().filter(({ failed, unreachable }) => failed + unreachable > 0).length;
  const isRunning = () => !isEnded(props.run.status);

  const reread = throttled(() => {
    query.invalidate();
    if (section() === 'tasks') plays.invalidate();
  }, REREAD_MS);
  onCleanup(reread.cancel);
  createEffect(on([() => props.run.status, section], () => reread.call(), { defer: true }));
  followResults(id, isRunning, () => outcome()?.results.totalCount ?? null, reread.call);

  const toggle = (wanted: Section) => setSection(section() === wanted ? null : wanted);
  const hasReason = () => props.run.reason && failures().every(({ message }) => message !== props.run.reason);

  return (
    <>
      <Show when={failures().length > 0}>
        <FailureList failures={failures()} playbook={props.run.playbook} />
      </Show>
      <Show when={hasReason() && (failures().length === 0 || props.run.status === 'SUCCEEDED')}>
        <div class={`note m-3 ${reasonTone(props.run)}`}>{props.run.reason}</div>
      </Show>
      <Show when={outcome()?.drift}>{(drift) => <DriftNote drift={drift()} />}</Show>
      <Show when={outcome()?.resultsProblem}>
        {(problem) => <div class="note wait m-3">{problem()}</div>}
      </Show>
      <Show when={recap().length > 0 || isRunning()}>
        <div class="tools">
          <Show when={recap().length > 0}>
            <Button kind="quiet" aria-expanded={section() === 'hosts'} onClick={() => toggle('hosts')}>
              {section() === 'hosts' ? '▾' : '▸'}{' '}
              {recap().length === 1 ? '1 host' : `${recap().length} hosts`}
              <Show when={failedHosts() > 0}>
                <span class="st bad">{failedHosts()} failed</span>
              </Show>
            </Button>
          </Show>
          <Button kind="quiet" aria-expanded={section() === 'tasks'} onClick={() => toggle('tasks')}>
            {section() === 'tasks' ? '▾' : '▸'} Tasks
          </Button>
        </div>
        <Show when={section()}>
          {(shown) => (
            <section class="panel" tabindex="0" aria-label={shown() === 'hosts' ? 'Hosts' : 'Tasks'}>
              <Show
                when={shown() === 'hosts'}
                fallback={<TaskOutline plays={playsOf(plays.data())} isRunning={isRunning()} />}
              >
                <HostTable runId={id()} recap={recap()} />
              </Show>
            </section>
          )}
        </Show>
      </Show>
    </>
  );
}

/** Calls back when there are more results than are held, as long as the run goes on. */
function followResults(
  id: () => string,
  isRunning: () => boolean,
  held: () => number | null,
  onNews: () => void,
): void {
  const isReady = createMemo(() => isRunning() && held() !== null);
  createEffect(
    on([id, isReady], ([runId, ready]) => {
      if (!ready) return;
      onCleanup(
        subscribe(RUN_RESULTS, { runId, after: held() ?? 0 }, { next: onNews, error: () => undefined }),
      );
    }),
  );
}

/** Calls at once, and again after a pause if it was called meanwhile. */
function throttled(work: () => void, pauseMs: number): { call(): void; cancel(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = false;
  const call = () => {
    if (timer !== undefined) {
      isWanted = true;
      return;
    }
    work();
    timer = setTimeout(() => {
      timer = undefined;
      if (!isWanted) return;
      isWanted = false;
      call();
    }, pauseMs);
  };
  return { call, cancel: () => clearTimeout(timer) };
}
