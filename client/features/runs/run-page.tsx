import { A, useNavigate, useParams } from '@solidjs/router';
import { createMemo, createSignal, For, onCleanup, Show } from 'solid-js';
import { mutate, subscribe } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { RunQuery } from '../../graphql/generated/graphql.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { onFirstClick } from '../../lib/clicks.ts';
import { decodedParam, playbookLink, runLink, scheduleLink } from '../../lib/links.ts';
import { createOnce } from '../../lib/once.ts';
import { parameterWords, valuesOf } from '../../lib/parameters.ts';
import { runPlaybook } from '../../lib/start-runs.ts';
import { absolute, currentTime, latenessOf, span } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Empty } from '../../ui/states.tsx';
import { isEnded, reasonTone, StatusBadge } from '../../ui/status-badge.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { LogViewer } from './log-viewer.tsx';

const RUN = graphql(`
  query Run($id: ID!) {
    node(id: $id) {
      ... on Run {
        id playbook status trigger exitCode reason scheduledFor queuedAt startedAt finishedAt cancelRequestedAt node workingFolder ansibleConfig
        schedule { id name }
        parameters { ...AllParameters }
      }
    }
  }
`);
const RUN_CHANGED = graphql(`subscription RunChanged($id: ID!) { runChanged(id: $id) { id } }`);
const CANCEL = graphql(`
  mutation CancelRun($input: CancelRunInput!) {
    cancelRun(input: $input) { __typename ... on NotFoundError { message } ... on InvalidStateError { message } }
  }
`);

type OneRunNode = Extract<NonNullable<RunQuery['node']>, { parameters: unknown }>;

/** Where it was started and what configured it; null for a run that has not started. */
function placeWords(folder: string | null | undefined, config: string | null | undefined): string | null {
  if (folder === null || folder === undefined) return null;
  return `in ${folder === '' ? 'the playbook folder' : `${folder}/`} · ${config ?? 'no ansible.cfg'}`;
}

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
  const run = createMemo((): OneRunNode | null => {
    const node = query.data()?.node;
    return node && 'status' in node ? (node as OneRunNode) : null;
  });
  const [isBusy, setBusy] = createSignal(false);

  const act = async (work: () => Promise<void>) => {
    if (isBusy()) return;
    setBusy(true);
    await work().catch(toastError);
    setBusy(false);
  };
  const stop = () =>
    act(async () => {
      const isSure = await confirm({
        title: 'Stop this run?',
        text: 'Ansible is asked to end; what does not end within seconds is killed. Hosts may be left half changed.',
        action: 'Stop run',
        isDangerous: true,
      });
      if (!isSure) return;
      const { cancelRun: result } = await mutate(CANCEL, { input: { id: props.id } });
      if (result.__typename !== 'CancelRunPayload') toast(result.message, true);
      query.invalidate();
    });
  const once = createOnce();
  const again = () =>
    act(async () => {
      const current = run();
      if (!current) return;
      if (!current.parameters) {
        toast('What is stored of its parameters cannot be read, so it cannot be run again as it was.', true);
        return;
      }
      const request = { playbook: current.playbook, parameters: valuesOf(current.parameters) };
      const result = await once(request, (idempotencyKey) => runPlaybook({ ...request, idempotencyKey }));
      if (result.__typename === 'RunPlaybookPayload') navigate(runLink(result.run.id));
      else toast(result.message, true);
    });
  const lateMs = () => latenessOf(run()?.scheduledFor, run()?.startedAt);

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
              <Button disabled={isBusy()} onClick={onFirstClick(() => void again())}>
                Run again
              </Button>
              <Show when={!isEnded(current().status)}>
                <Button
                  kind="dangerous"
                  disabled={isBusy() || current().cancelRequestedAt != null}
                  onClick={() => void stop()}
                >
                  ■ {current().cancelRequestedAt ? 'Stopping …' : 'Stop'}
                </Button>
              </Show>
            </div>
            <div class="card">
              <div class="run-h">
                <A class="mono hover:underline" href={playbookLink(current().playbook)}>
                  {current().playbook}
                </A>
                <span class="sub num">
                  <Show
                    when={current().scheduledFor}
                    fallback={<>started by hand, {absolute(current().queuedAt)}</>}
                  >
                    {(at) => (
                      <>
                        <Show when={current().schedule} fallback="scheduled">
                          {(schedule) => (
                            <A class="underline" href={scheduleLink(schedule().id)}>
                              scheduled
                            </A>
                          )}
                        </Show>{' '}
                        {absolute(at())}
                        <Show when={lateMs() !== null}>, started +{lateMs()} ms</Show>
                      </>
                    )}
                  </Show>
                </span>
                <Show when={current().parameters?.check}>
                  <span class="st wait">check mode</span>
                </Show>
                <Show when={current().parameters}>
                  {(parameters) => (
                    <For each={parameterWords(valuesOf(parameters()))}>
                      {(word) => <span class="sub mono break-all">{word}</span>}
                    </For>
                  )}
                </Show>
                <Show when={placeWords(current().workingFolder, current().ansibleConfig)}>
                  {(words) => <span class="sub mono break-all">{words()}</span>}
                </Show>
                <span class="sp" />
                <Show when={current().startedAt}>
                  {(started) => {
                    const end = () => current().finishedAt;
                    const until = () => (end() ? Date.parse(end() ?? '') : currentTime());
                    return <span class="num">{span(until() - Date.parse(started()))}</span>;
                  }}
                </Show>
              </div>
              <Show when={current().reason}>
                {(reason) => <div class={`note m-3 ${reasonTone(current())}`}>{reason()}</div>}
              </Show>
              <LogViewer runId={props.id} />
            </div>
          </>
        )}
      </Show>
    </Loaded>
  );
}
