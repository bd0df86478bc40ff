import { createSignal, For, Show } from 'solid-js';
import { createStore } from 'solid-js/store';
import { mutate, request } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import type { ScheduleToEditQuery } from '../../graphql/generated/graphql.ts';
import { messageOf } from '../../lib/caught.ts';
import { createOnce } from '../../lib/once.ts';
import {
  closeScheduleDialog,
  type ScheduleDialogTarget,
  scheduleDialogTarget,
} from '../../lib/schedule-dialog.ts';
import { viewerTimezone } from '../../lib/time.ts';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { FormField } from './form-field.tsx';
import { ParameterFields } from './parameter-fields.tsx';
import {
  changeOf,
  createInputOf,
  type DraftField,
  draftOf,
  type EditedSchedule,
  emptyDraft,
  type FieldFault,
  faultsOf,
  isFault,
  rebase,
  type ScheduleDraft,
} from './schedule-form.ts';
import { SchedulePreview } from './schedule-preview.tsx';
import { TimingFields } from './timing-fields.tsx';

const CONTEXT = graphql(`
  query ScheduleDialog {
    system { timezone }
    playbooks { path }
  }
`);
const SCHEDULE = graphql(`
  query ScheduleToEdit($id: ID!) {
    node(id: $id) {
      ... on Schedule {
        id name playbook timezone overlap version
        timing {
          __typename
          ... on CronTiming { expression }
          ... on OneOffTiming { at }
          ... on IntervalTiming { seconds anchor }
        }
        unreadable
        parameters { ...AllParameters }
      }
    }
  }
`);
const CREATE = graphql(`
  mutation CreateSchedule($input: CreateScheduleInput!) {
    createSchedule(input: $input) {
      __typename
      ... on CreateSchedulePayload { schedule { id name } }
      ... on InvalidInputError { issues { path message position } }
      ... on NotFoundError { message }
    }
  }
`);
const UPDATE = graphql(`
  mutation UpdateSchedule($input: UpdateScheduleInput!) {
    updateSchedule(input: $input) {
      __typename
      ... on UpdateSchedulePayload { schedule { id name } }
      ... on InvalidInputError { issues { path message position } }
      ... on NotFoundError { message }
      ... on ConflictError { message }
    }
  }
`);
const TRIGGER = graphql(`
  mutation TriggerFromDialog($input: TriggerScheduleInput!) {
    triggerSchedule(input: $input) {
      __typename
      ... on TriggerSchedulePayload { run { id } }
      ... on NotFoundError { message }
      ... on InvalidStateError { message }
      ... on InvalidInputError { message }
    }
  }
`);

interface Pristine {
  readonly draft: ScheduleDraft;
  readonly version: number;
  /** Parts of which nothing can be kept. */
  readonly unreadable: readonly string[];
}

function isSchedule(node: NonNullable<ScheduleToEditQuery['node']>): node is EditedSchedule {
  return 'timing' in node;
}

async function readSchedule(id: string): Promise<Pristine> {
  const { node } = await request(SCHEDULE, { id });
  if (!node || !isSchedule(node)) throw new Error('The schedule was deleted meanwhile.');
  return { draft: draftOf(node), version: node.version, unreadable: node.unreadable };
}

/** Where the dialog appears; once in the page. */
export function ScheduleDialogHost() {
  return (
    <Show when={scheduleDialogTarget()} keyed>
      {(target) => <ScheduleDialog target={target} />}
    </Show>
  );
}

function ScheduleDialog(props: { target: ScheduleDialogTarget }) {
  const [draft, setDraft] = createStore<ScheduleDraft>(
    emptyDraft(props.target.kind === 'create' ? (props.target.playbook ?? '') : '', viewerTimezone),
  );
  const [playbooks, setPlaybooks] = createSignal<readonly string[]>([]);
  const [zones, setZones] = createSignal<readonly string[]>([viewerTimezone]);
  const [faults, setFaults] = createSignal<Partial<Record<DraftField, FieldFault>>>({});
  const [isSaving, setSaving] = createSignal(false);
  const [onceCreate, onceRun] = [createOnce(), createOnce()];
  const [isReady, setReady] = createSignal(false);
  /** As it was read; null until then. */
  const [pristine, setPristine] = createSignal<Pristine | null>(null);
  const [untouched, setUntouched] = createSignal('');
  const isEditing = () => props.target.kind === 'edit';

  const change = (part: Partial<ScheduleDraft>) => setDraft(part);

  const load = async () => {
    const { system, playbooks: all } = await request(CONTEXT, {});
    setPlaybooks(all.map((playbook) => playbook.path));
    setZones([...new Set([system.timezone, viewerTimezone, 'UTC', ...Intl.supportedValuesOf('timeZone')])]);
    if (props.target.kind === 'create') {
      setDraft({ timezone: system.timezone, playbook: draft.playbook || (all[0]?.path ?? '') });
    } else {
      const read = await readSchedule(props.target.scheduleId);
      setPristine(read);
      setDraft(read.draft);
    }
    setUntouched(JSON.stringify(draft));
    setReady(true);
  };
  void load().catch((error) => {
    toastError(error);
    closeScheduleDialog();
  });

  const close = async () => {
    const isChanged = isReady() && JSON.stringify(draft) !== untouched();
    const isSure =
      !isChanged ||
      (await confirm({
        title: 'Discard what you typed?',
        text: 'The schedule is not saved yet.',
        action: 'Discard',
        isDangerous: true,
      }));
    if (isSure) closeScheduleDialog();
  };

  const show = (found: Partial<Record<DraftField, FieldFault>>) => {
    setFaults(found);
    const [first] = Object.keys(found);
    if (first) queueMicrotask(() => document.getElementById(`schedule-${first}`)?.focus());
  };

  const save = async (runsNow: boolean) => {
    if (isSaving()) return;
    setSaving(true);
    try {
      const result = await send();
      switch (result.__typename) {
        case 'InvalidInputError':
          return show(faultsOf(result.issues));
        case 'NotFoundError':
          return show({ playbook: { message: result.message, position: null } });
        case 'ConflictError':
          await followOthers();
          return show({
            form: {
              message:
                'The schedule was changed meanwhile. What was changed is shown now, and what you typed is kept: look at it and save again.',
              position: null,
            },
          });
        case 'DraftFault':
          return show({ [result.field]: { message: result.message, position: null } });
      }
      closeScheduleDialog();
      toast(`“${result.schedule.name}” is scheduled.`);
      if (!runsNow) return;
      const { triggerSchedule } = await onceRun(result.schedule.id, (idempotencyKey) =>
        mutate(TRIGGER, { input: { id: result.schedule.id, idempotencyKey } }),
      );
      if (triggerSchedule.__typename !== 'TriggerSchedulePayload') toast(triggerSchedule.message, true);
    } catch (error) {
      // everything typed stays where it is
      show({ form: { message: messageOf(error), position: null } });
    } finally {
      setSaving(false);
    }
  };

  const send = async () => {
    const { target } = props;
    if (target.kind === 'create') {
      const input = createInputOf(draft);
      if (isFault(input)) return { __typename: 'DraftFault', ...input } as const;
      const created = await onceCreate(input, (idempotencyKey) =>
        mutate(CREATE, { input: { ...input, idempotencyKey } }),
      );
      return created.createSchedule;
    }
    const read = pristine();
    if (!read) return { __typename: 'DraftFault', field: 'form', message: 'It is not read yet.' } as const;
    const change = changeOf(draft, read.draft, read.unreadable);
    if (isFault(change)) return { __typename: 'DraftFault', ...change } as const;
    const input = { ...change, id: target.scheduleId, expectedVersion: read.version };
    return (await mutate(UPDATE, { input })).updateSchedule;
  };

  /** Somebody else has changed it: what was not touched here follows. */
  const followOthers = async () => {
    const before = pristine();
    if (props.target.kind !== 'edit' || !before) return;
    const after = await readSchedule(props.target.scheduleId);
    setDraft(rebase(draft, before.draft, after.draft));
    setPristine(after);
  };

  // what the preview finds wrong with the timing is shown while typing; other fields keep theirs
  const onPreviewFaults = (found: Partial<Record<DraftField, FieldFault>>) => {
    const { cron: _cron, at: _at, every: _every, timezone: _timezone, ...others } = faults();
    setFaults({ ...others, ...found });
  };

  return (
    <Dialog
      isOpen
      width={920}
      title={
        <>
          <span aria-hidden="true">◷</span> {isEditing() ? 'Edit schedule' : 'Schedule'}{' '}
          <span class="mono font-normal text-[var(--ink-3)]">{draft.playbook}</span>
        </>
      }
      onClose={() => void close()}
      footer={
        <>
          <Show when={faults().form}>
            {(fault) => (
              <span class="help err mr-auto" role="alert">
                {fault().message}
              </span>
            )}
          </Show>
          <Button kind="q" onClick={() => void close()}>
            Cancel <kbd>Esc</kbd>
          </Button>
          <Button disabled={isSaving() || !isReady()} onClick={() => void save(true)}>
            Save and run now
          </Button>
          <Button kind="p" disabled={isSaving() || !isReady()} onClick={() => void save(false)}>
            Save schedule
          </Button>
        </>
      }
    >
      <div class="cols">
        <div>
          <Show when={isEditing() || (props.target.kind === 'create' && props.target.playbook === null)}>
            <FormField id="playbook" label="Playbook" fault={faults().playbook}>
              <select
                id="schedule-playbook"
                class="in mono"
                value={draft.playbook}
                onChange={(event) => change({ playbook: event.currentTarget.value })}
              >
                <For each={playbooks()}>
                  {(path) => (
                    <option value={path} selected={path === draft.playbook}>
                      {path}
                    </option>
                  )}
                </For>
              </select>
            </FormField>
          </Show>
          <TimingFields draft={draft} zones={zones()} faults={faults()} onChange={change} />
          <FormField id="name" label="Name" fault={faults().name}>
            <input
              id="schedule-name"
              class="in"
              placeholder={draft.playbook}
              value={draft.name}
              onInput={(event) => change({ name: event.currentTarget.value })}
            />
          </FormField>
          <FormField id="overlap" label="If the last run is still going">
            <select
              id="schedule-overlap"
              class="in"
              value={draft.overlap}
              onChange={(event) => change({ overlap: event.currentTarget.value as ScheduleDraft['overlap'] })}
            >
              <option value="SKIP" selected={draft.overlap === 'SKIP'}>
                Skip this one
              </option>
              <option value="ALLOW" selected={draft.overlap === 'ALLOW'}>
                Run both
              </option>
            </select>
          </FormField>
          <ParameterFields
            draft={draft.parameters}
            faults={faults()}
            onChange={(name, value) => change({ parameters: { ...draft.parameters, [name]: value } })}
          />
        </div>
        <div>
          <SchedulePreview draft={draft} onFaults={onPreviewFaults} />
        </div>
      </div>
    </Dialog>
  );
}
