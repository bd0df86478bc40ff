import { useIsRouting, useNavigate, useParams } from '@solidjs/router';
import { createMemo, createSignal, lazy, onCleanup, Show, Suspense } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import type { RunParametersInput } from '../../graphql/generated/graphql.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { decodedParam, playbookLink, runLink } from '../../lib/links.ts';
import { createOnce } from '../../lib/once.ts';
import { runPlaybook } from '../../lib/start-runs.ts';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Empty, Loading } from '../../ui/states.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { ConflictDialog } from './conflict-dialog.tsx';
import { NewPlaybookDialog } from './new-playbook-dialog.tsx';
import { createPlaybookEditing, type OpenPlaybook } from './open-playbook.ts';
import { PlaybookHead } from './playbook-head.tsx';
import { PlaybookNotes } from './playbook-notes.tsx';
import { deletePlaybook, PLAYBOOKS, SCHEDULE_CHANGED, savePlaybook } from './playbook-operations.ts';
import { PlaybookTree } from './playbook-tree.tsx';
import { RunDialog } from './run-dialog.tsx';

const YamlEditor = lazy(() => import('./yaml-editor.tsx'));

const STARTER = `- name: What this play is for
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Say hello
      ansible.builtin.debug:
        msg: Hello
`;

export default function PlaybooksPage() {
  const params = useParams<{ path: string }>();
  const navigate = useNavigate();
  const query = createLiveQuery(PLAYBOOKS, () => ({}));
  onCleanup(subscribe(SCHEDULE_CHANGED, {}, { next: query.invalidate }));

  const path = () => (params.path ? decodedParam(params.path) : null);
  const editing = createPlaybookEditing(path);
  const [isCreating, setCreating] = createSignal(false);
  const entries = createMemo(
    () =>
      query.data()?.playbooks.map(({ path, problem, schedules }) => ({
        path,
        problem: problem ?? null,
        scheduleCount: schedules.length,
      })) ?? [],
  );
  const listed = createMemo(() => query.data()?.playbooks.find((one) => one.path === path()));
  const schedules = () => listed()?.schedules ?? [];
  const problem = () => listed()?.problem ?? null;

  const create = async (wanted: string): Promise<string | null> => {
    const result = await savePlaybook({ path: wanted, content: STARTER });
    if (result.__typename !== 'SavePlaybookPayload') return result.message;
    setCreating(false);
    await query.refetch();
    navigate(playbookLink(wanted));
    return null;
  };
  const remove = async () => {
    const current = editing.playbook();
    if (!current) return;
    const count = schedules().length;
    const isSure = await confirm({
      title: `Delete ${current.path}?`,
      text:
        count > 0
          ? `${count === 1 ? 'One schedule uses it; its' : `${count} schedules use it; their`} runs will fail until it is back.`
          : 'The file is removed from the playbook folder.',
      action: 'Delete playbook',
      isDangerous: true,
    });
    if (!isSure) return;
    const result = await deletePlaybook({ path: current.path, expectedRevision: current.revision });
    if (result.__typename !== 'DeletePlaybookPayload') return toast(result.message, true);
    editing.discard();
    await query.refetch();
    navigate('/playbooks/');
  };

  // shared by both ways to start a run, so that a retry after a lost answer never starts a second one
  const once = createOnce();
  const start = (playbook: OpenPlaybook, parameters: RunParametersInput = {}) =>
    once({ playbook: playbook.path, of: playbook.revision, parameters }, (idempotencyKey) =>
      runPlaybook({ playbook: playbook.path, parameters, idempotencyKey }),
    );
  const [isStarting, setStarting] = createSignal(false);
  const startNow = async () => {
    if (!(await editing.saveFirst('Save and run'))) return;
    const current = editing.playbook();
    if (!current) return;
    const result = await start(current);
    if (result.__typename === 'RunPlaybookPayload') navigate(runLink(result.run.id));
    else editing.setFault(result.message);
  };
  // the page of the run may take long to come, and until then this one is still there; one may also stay here
  const isRouting = useIsRouting();
  const isBusy = () => isStarting() || isRouting();
  const run = async () => {
    if (isBusy()) return;
    setStarting(true);
    await startNow().catch(toastError);
    setStarting(false);
  };
  const [isAsking, setAsking] = createSignal<OpenPlaybook | null>(null);
  const askForParameters = async () => {
    if (!isBusy() && (await editing.saveFirst('Save'))) setAsking(editing.playbook());
  };

  return (
    <>
      <PlaybookHead
        path={path()}
        editing={editing}
        schedules={schedules()}
        isStarting={isBusy()}
        onCreate={() => setCreating(true)}
        onDelete={remove}
        onRun={() => void run()}
        onRunWithParameters={() => void askForParameters()}
      />
      <PlaybookNotes editing={editing} problem={editing.isMissing() ? null : problem()} />
      <div class="card">
        <Loaded query={query}>
          <Show
            when={entries().length > 0 || path() !== null}
            fallback={
              <Empty
                title="There is no playbook yet"
                actions={
                  <Button kind="primary" onClick={() => setCreating(true)}>
                    New playbook
                  </Button>
                }
              >
                Make the first one here, or copy your playbooks into the playbook folder.
              </Empty>
            }
          >
            <div class="ed">
              <PlaybookTree
                playbooks={entries()}
                leftOut={query.data()?.playbooksLeftOut ?? 0}
                current={path()}
                onOpen={(wanted) => navigate(playbookLink(wanted))}
              />
              <Show
                when={editing.playbook()}
                keyed={false}
                fallback={
                  <Show when={path() === null || editing.isMissing()} fallback={<Loading />}>
                    <NothingOpen isMissing={editing.isMissing()} problem={problem()} />
                  </Show>
                }
              >
                {(current) => (
                  <Suspense fallback={<Loading />}>
                    <YamlEditor
                      initial={editing.initial()}
                      label={`Content of ${current().path}`}
                      onChange={editing.setText}
                      onSave={() => void editing.save()}
                    />
                  </Suspense>
                )}
              </Show>
            </div>
          </Show>
        </Loaded>
      </div>
      <Show when={isCreating()}>
        <NewPlaybookDialog onCreate={create} onClose={() => setCreating(false)} />
      </Show>
      <Show when={isAsking()} keyed>
        {(playbook) => (
          <RunDialog
            playbook={playbook.path}
            onStart={(parameters) => start(playbook, parameters)}
            onStarted={(runId) => navigate(runLink(runId))}
            onClose={() => setAsking(null)}
          />
        )}
      </Show>
      <Show when={editing.conflict()}>
        {(found) => (
          <ConflictDialog
            path={path() ?? ''}
            mine={editing.text()}
            theirs={found().theirs}
            onKeepEditing={editing.keepEditing}
            onTakeTheirs={() => void editing.takeTheirs().then(query.refetch).catch(toastError)}
            onOverwrite={() => void editing.save(found().theirs?.revision ?? null)}
          />
        )}
      </Show>
    </>
  );
}

/** In the place of the editor. */
function NothingOpen(props: { isMissing: boolean; problem: string | null }) {
  return (
    <Show
      when={props.isMissing}
      fallback={<Empty title="Choose a playbook">Edit it, run it, or schedule it.</Empty>}
    >
      <Empty title={props.problem === null ? 'There is no such playbook' : 'This cannot be opened here'}>
        {props.problem ?? 'It may have been deleted or renamed.'}
      </Empty>
    </Show>
  );
}
