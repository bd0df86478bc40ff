import { useIsRouting, useNavigate, useParams } from '@solidjs/router';
import { createMemo, createSignal, lazy, onCleanup, Show, Suspense } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { decodedParam, playbookLink, runLink } from '../../lib/links.ts';
import { Button } from '../../ui/button.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Empty, Loading } from '../../ui/states.tsx';
import { toastError } from '../../ui/toast.tsx';
import { ConflictDialog } from './conflict-dialog.tsx';
import { NewPlaybookDialog } from './new-playbook-dialog.tsx';
import { createPlaybookEditing } from './open-playbook.ts';
import { createPlaybookActions } from './playbook-actions.ts';
import { PlaybookHead } from './playbook-head.tsx';
import { PlaybookNotes } from './playbook-notes.tsx';
import { PLAYBOOKS, SCHEDULE_CHANGED } from './playbook-operations.ts';
import { PlaybookTree } from './playbook-tree.tsx';
import { RunDialog } from './run-dialog.tsx';

const YamlEditor = lazy(() => import('./yaml-editor.tsx'));

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

  const actions = createPlaybookActions(editing, () => schedules().length, {
    async created(created) {
      setCreating(false);
      await query.refetch();
      navigate(playbookLink(created));
    },
    async deleted() {
      await query.refetch();
      navigate('/playbooks/');
    },
    started: (runId) => navigate(runLink(runId)),
    isRouting: useIsRouting(),
  });

  return (
    <>
      <PlaybookHead
        path={path()}
        editing={editing}
        schedules={schedules()}
        isStarting={actions.isBusy()}
        onCreate={() => setCreating(true)}
        onDelete={() => void actions.remove()}
        onRun={() => void actions.run()}
        onRunWithParameters={() => void actions.askForParameters()}
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
        <NewPlaybookDialog onCreate={actions.create} onClose={() => setCreating(false)} />
      </Show>
      <Show when={actions.dialogFor()} keyed>
        {(playbook) => (
          <RunDialog
            playbook={playbook.path}
            onStart={(parameters) => actions.start(playbook, parameters)}
            onStarted={(runId) => navigate(runLink(runId))}
            onClose={actions.closeDialog}
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

/** Shown in place of the editor. */
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
