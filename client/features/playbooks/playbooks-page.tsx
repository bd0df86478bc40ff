import { useBeforeLeave, useNavigate, useParams } from '@solidjs/router';
import {
  createEffect,
  createMemo,
  createSignal,
  lazy,
  on,
  onCleanup,
  onMount,
  Show,
  Suspense,
} from 'solid-js';
import { mutate, request, subscribe } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { PlaybookEncoding } from '../../graphql/generated/graphql.ts';
import { createLiveQuery } from '../../graphql/live-query.ts';
import { messageOf } from '../../lib/caught.ts';
import { decodedParam, playbookLink, runLink } from '../../lib/links.ts';
import { createOnce } from '../../lib/once.ts';
import { openScheduleDialog } from '../../lib/schedule-dialog.ts';
import { currentTime, relative } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Loaded } from '../../ui/loaded.tsx';
import { Empty, Loading } from '../../ui/states.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { ConflictDialog, type Theirs } from './conflict-dialog.tsx';
import { NewPlaybookDialog } from './new-playbook-dialog.tsx';
import { PlaybookTree } from './playbook-tree.tsx';

const YamlEditor = lazy(() => import('./yaml-editor.tsx'));

const PLAYBOOKS = graphql(`
  query Playbooks {
    playbooks { path problem schedules { id name nextRunAt } }
    playbooksLeftOut
  }
`);
const PLAYBOOK = graphql(`
  query Playbook($path: String!) {
    playbook(path: $path) { path content encoding revision }
  }
`);
const SAVE = graphql(`
  mutation SavePlaybook($input: SavePlaybookInput!) {
    savePlaybook(input: $input) {
      __typename
      ... on SavePlaybookPayload { playbook { path encoding revision } }
      ... on InvalidInputError { message }
      ... on ConflictError { message }
    }
  }
`);
const DELETE = graphql(`
  mutation DeletePlaybook($input: DeletePlaybookInput!) {
    deletePlaybook(input: $input) {
      __typename
      ... on InvalidInputError { message }
      ... on NotFoundError { message }
      ... on ConflictError { message }
    }
  }
`);
const RUN = graphql(`
  mutation RunPlaybook($input: RunPlaybookInput!) {
    runPlaybook(input: $input) {
      __typename
      ... on RunPlaybookPayload { run { id } }
      ... on InvalidInputError { message }
      ... on NotFoundError { message }
    }
  }
`);
const SCHEDULE_CHANGED = graphql(`subscription PlaybookSchedules { scheduleChanged { id } }`);

const STARTER = `- name: What this play is for
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Say hello
      ansible.builtin.debug:
        msg: Hello
`;

interface OpenPlaybook {
  readonly path: string;
  /** The text that was read or saved last, as the editor holds it. */
  readonly saved: string;
  readonly encoding: PlaybookEncoding;
  readonly revision: string;
}

/** The editor knows one line ending; when it is saved the server gives each line back its own. */
function inEditor(content: string): string {
  return content.replace(/\r\n?/g, '\n');
}

export default function PlaybooksPage() {
  const params = useParams<{ path: string }>();
  const navigate = useNavigate();
  const query = createLiveQuery(PLAYBOOKS, () => ({}));
  onCleanup(subscribe(SCHEDULE_CHANGED, {}, { next: query.invalidate }));

  const [playbook, setPlaybook] = createSignal<OpenPlaybook | null>(null);
  const [text, setText] = createSignal('');
  /** What the editor is to begin with; typing does not change it. */
  const [initial, setInitial] = createSignal({ text: '' });
  const [fault, setFault] = createSignal<string | null>(null);
  const [conflict, setConflict] = createSignal<{ readonly theirs: Theirs | null } | null>(null);
  const [isMissing, setMissing] = createSignal(false);
  const [isSaving, setSaving] = createSignal(false);
  const [isCreating, setCreating] = createSignal(false);

  const path = () => (params.path ? decodedParam(params.path) : null);
  const isChanged = () => playbook() !== null && text() !== playbook()?.saved;
  const entries = createMemo(
    () =>
      query.data()?.playbooks.map(({ path, problem, schedules }) => ({
        path,
        problem: problem ?? null,
        scheduleCount: schedules.length,
      })) ?? [],
  );
  const schedules = createMemo(
    () => query.data()?.playbooks.find((one) => one.path === path())?.schedules ?? [],
  );
  const nextRunAt = () =>
    schedules()
      .flatMap((schedule) => (schedule.nextRunAt ? [schedule.nextRunAt] : []))
      .sort()[0];

  const open = async (wanted: string) => {
    try {
      const { playbook: found } = await request(PLAYBOOK, { path: wanted });
      if (path() !== wanted) return;
      setMissing(found === null || found === undefined);
      const content = inEditor(found?.content ?? '');
      setPlaybook(found ? { ...found, saved: content } : null);
      setText(content);
      setInitial({ text: content });
      setFault(null);
    } catch (error) {
      toastError(error);
    }
  };
  createEffect(
    on(path, (wanted) => {
      setPlaybook(null);
      setMissing(false);
      if (wanted !== null) void open(wanted);
    }),
  );

  const mayLeave = () =>
    confirm({
      title: 'Leave without saving?',
      text: `The changes to ${path()} are lost.`,
      action: 'Leave',
      isDangerous: true,
    });
  useBeforeLeave((event) => {
    if (!isChanged() || event.defaultPrevented) return;
    event.preventDefault();
    void mayLeave().then((isSure) => isSure && event.retry(true));
  });
  onMount(() => {
    const onUnload = (event: BeforeUnloadEvent) => {
      if (isChanged()) event.preventDefault();
    };
    addEventListener('beforeunload', onUnload);
    onCleanup(() => removeEventListener('beforeunload', onUnload));
  });

  /** @param encoding another one than the file has */
  const save = async (
    expectedRevision: string | null = playbook()?.revision ?? null,
    encoding?: PlaybookEncoding,
  ): Promise<boolean> => {
    const current = playbook();
    if (!current || isSaving()) return false;
    const content = text();
    setSaving(true);
    try {
      const { savePlaybook: result } = await mutate(SAVE, {
        input: { path: current.path, content, expectedRevision, encoding },
      });
      switch (result.__typename) {
        case 'SavePlaybookPayload':
          setPlaybook({ ...result.playbook, saved: content });
          setFault(null);
          setConflict(null);
          return true;
        case 'ConflictError': {
          const { playbook: theirs } = await request(PLAYBOOK, { path: current.path });
          setConflict({ theirs: theirs ?? null });
          return false;
        }
        default:
          setFault(result.message);
          return false;
      }
    } catch (error) {
      setFault(messageOf(error));
      return false;
    } finally {
      setSaving(false);
    }
  };
  const takeTheirs = async () => {
    setConflict(null);
    const current = path();
    if (current !== null) await open(current);
    await query.refetch();
  };

  const create = async (wanted: string): Promise<string | null> => {
    const { savePlaybook: result } = await mutate(SAVE, { input: { path: wanted, content: STARTER } });
    if (result.__typename !== 'SavePlaybookPayload') return result.message;
    setCreating(false);
    await query.refetch();
    navigate(playbookLink(wanted));
    return null;
  };
  const remove = async () => {
    const current = playbook();
    if (!current) return;
    const count = schedules().length;
    const isSure = await confirm({
      title: `Delete ${current.path}?`,
      text:
        count > 0
          ? `${count} ${count === 1 ? 'schedule uses' : 'schedules use'} it; their runs will fail until it is back.`
          : 'The file is removed from the playbook folder.',
      action: 'Delete playbook',
      isDangerous: true,
    });
    if (!isSure) return;
    const { deletePlaybook: result } = await mutate(DELETE, {
      input: { path: current.path, expectedRevision: current.revision },
    });
    if (result.__typename !== 'DeletePlaybookPayload') return toast(result.message, true);
    setText(current.saved);
    await query.refetch();
    navigate('/playbooks/');
  };
  const once = createOnce();
  const [isStarting, setStarting] = createSignal(false);
  const run = async () => {
    if (isStarting()) return;
    setStarting(true);
    await start().catch(toastError);
    setStarting(false);
  };
  const start = async () => {
    const current = playbook();
    if (!current) return;
    if (isChanged()) {
      const isSure = await confirm({
        title: 'Save first?',
        text: 'What runs is the saved playbook.',
        action: 'Save and run',
      });
      if (!isSure || !(await save())) return;
    }
    const { runPlaybook: result } = await once(
      { playbook: current.path, of: current.revision },
      (idempotencyKey) => mutate(RUN, { input: { playbook: current.path, idempotencyKey } }),
    );
    if (result.__typename === 'RunPlaybookPayload') navigate(runLink(result.run.id));
    else setFault(result.message);
  };

  return (
    <>
      <div class="head">
        <Show when={path()} fallback={<h1>Playbooks</h1>}>
          <span class="sub">Playbooks /</span>
          <h1 class="mono !text-base">{path()}</h1>
          <Show when={isChanged()}>
            <span class="sub">● unsaved</span>
          </Show>
        </Show>
        <span class="sp" />
        <Show
          when={playbook()}
          fallback={
            <Button kind="p" onClick={() => setCreating(true)}>
              New playbook
            </Button>
          }
        >
          <Button kind="q" onClick={() => setCreating(true)}>
            New
          </Button>
          <Button kind="q" class="d" onClick={() => void remove().catch(toastError)}>
            Delete
          </Button>
          <Button disabled={isStarting()} onClick={() => void run()}>
            ▶ Run
          </Button>
          <Button
            onClick={() => openScheduleDialog({ kind: 'create', playbook: path() })}
            aria-label="Schedule"
          >
            <span aria-hidden="true">◷</span> Schedule
            <Show when={schedules().length > 0}>
              <span class="sub">
                {schedules().length}
                <Show when={nextRunAt()}>{(at) => <> · {relative(at(), currentTime())}</>}</Show>
              </span>
            </Show>
          </Button>
          <Button kind="p" disabled={!isChanged() || isSaving()} onClick={() => void save()}>
            Save <kbd class="wide">Ctrl S</kbd>
          </Button>
        </Show>
      </div>
      <Show when={fault()}>
        {(message) => (
          <div class="note bad mb-3 flex items-start gap-3" role="alert">
            <span class="sp">✕ {message()}</span>
            <button type="button" aria-label="Dismiss" onClick={() => setFault(null)}>
              ×
            </button>
          </div>
        )}
      </Show>
      <Show when={playbook() && !['UTF8', 'UTF8_BOM'].includes(playbook()?.encoding ?? '')}>
        <div class="note bad mb-3 flex items-start gap-3">
          <span class="sp">
            This file is in {playbook()?.encoding === 'LATIN1' ? 'ISO 8859-1 (Latin-1)' : 'UTF-16'} and stays
            so when it is saved. Ansible reads UTF-8 only.
          </span>
          <Button kind="q" disabled={isSaving()} onClick={() => void save(playbook()?.revision, 'UTF8')}>
            Save as UTF-8
          </Button>
        </div>
      </Show>
      <div class="card">
        <Loaded query={query}>
          <Show
            when={entries().length > 0 || path() !== null}
            fallback={
              <Empty
                title="There is no playbook yet"
                actions={
                  <Button kind="p" onClick={() => setCreating(true)}>
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
                when={playbook()}
                keyed={false}
                fallback={
                  <Show when={path() === null || isMissing()} fallback={<Loading />}>
                    <Empty title={isMissing() ? 'There is no such playbook' : 'Choose a playbook'}>
                      {isMissing()
                        ? 'It may have been deleted or renamed.'
                        : 'Edit it, run it, or schedule it.'}
                    </Empty>
                  </Show>
                }
              >
                {(current) => (
                  <Suspense fallback={<Loading />}>
                    <YamlEditor
                      initial={initial()}
                      label={`Content of ${current().path}`}
                      onChange={setText}
                      onSave={() => void save()}
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
      <Show when={conflict()}>
        {(found) => (
          <ConflictDialog
            path={path() ?? ''}
            mine={text()}
            theirs={found().theirs}
            onKeepEditing={() => setConflict(null)}
            onTakeTheirs={() => void takeTheirs().catch(toastError)}
            onOverwrite={() => void save(found().theirs?.revision ?? null)}
          />
        )}
      </Show>
    </>
  );
}
