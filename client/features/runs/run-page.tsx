import { A, useIsRouting, useNavigate, useParams } from '@solidjs/router';
import { createMemo, onCleanup, Show } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { decodedParam, runLink } from '../../lib/links.ts';
import { Button } from '../../ui/button.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Empty } from '../../ui/states.tsx';
import { isEnded, StatusBadge } from '../../ui/status-badge.tsx';
import { LogViewer } from './log-viewer.tsx';
import { createRunActions } from './run-actions.ts';
import { RunAgain } from './run-again.tsx';
import { RunFacts } from './run-facts.tsx';
import { RUN, RUN_CHANGED, runOf } from './run-operations.ts';
import { RunResults } from './run-results.tsx';

export default function RunPage() {
  const params = useParams<{ id: string }>();
  return (
    <Show when={decodedParam(params.id)} keyed>
      {(id) => <OneRun id={id} />}
    </Show>
  );
}

function OneRun(props: { id: string }) {
  const navigate = useNavigate();
  const query = createLiveQuery(RUN, () => ({ id: props.id }));
  onCleanup(subscribe(RUN_CHANGED, { id: props.id }, { next: query.invalidate, error: () => undefined }));
  const run = createMemo(() => runOf(query.data()));
  const actions = createRunActions(run, {
    changed: query.invalidate,
    started: (runId) => navigate(runLink(runId)),
    isRouting: useIsRouting(),
  });

  return (
    <Loaded query={query}>
      <Show
        when={run()}
        fallback={
          <Empty
            title="There is no such run"
            actions={<Button onClick={() => navigate('/runs')}>All runs</Button>}
          >
            It may have been removed.
          </Empty>
        }
      >
        {(current) => (
          <>
            <div class="head">
              <A href="/runs" class="sub">
                Runs /
              </A>
              <h1>{current().schedule?.name ?? current().playbook}</h1>
              <StatusBadge run={current()} />
              <span class="sp" />
              <RunAgain run={current()} actions={actions} />
              <Show when={!isEnded(current().status)}>
                <Button
                  kind="dangerous"
                  disabled={actions.isBusy() || current().cancelRequestedAt != null}
                  onClick={() => void actions.stop()}
                >
                  ■ {current().cancelRequestedAt ? 'Stopping …' : 'Stop'}
                </Button>
              </Show>
            </div>
            <div class="card">
              <RunFacts run={current()} />
              <RunResults run={current()} />
              <LogViewer runId={props.id} />
            </div>
          </>
        )}
      </Show>
    </Loaded>
  );
}
