import { createSignal, For, type JSX, Show } from 'solid-js';
import { createStore } from 'solid-js/store';
import { mutate, request } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import { messageOf } from '../../lib/caught.ts';
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
import {
  createInputOf,
  type DraftField,
  emptyDraft,
  type FieldFault,
  faultsOf,
  isFault,
  type ScheduleDraft,
  toLocalInput,
  UNIT_SECONDS,
} from './schedule-form.ts';
import { SchedulePreview } from './schedule-preview.tsx';

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
        parameters { inventory limit tags extraVars check }
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
    }
  }
`);

const KINDS = [
  ['cron', 'Cron'],
  ['once', 'Once'],
  ['interval', 'Interval'],
] as const;

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
  const [version, setVersion] = createSignal<number | null>(null);
  const [isSaving, setSaving] = createSignal(false);
  const [isReady, setReady] = createSignal(false);
  const [pristine, setPristine] = createSignal('');
  const isEditing = () => props.target.kind === 'edit';

  const change = (part: Partial<ScheduleDraft>) => setDraft(part);

  const load = async () => {
    const { system, playbooks: all } = await request(CONTEXT, {});
    setPlaybooks(all.map((playbook) => playbook.path));
    setZones([...new Set([system.timezone, viewerTimezone, 'UTC', ...Intl.supportedValuesOf('timeZone')])]);
    if (props.target.kind === 'create') {
      setDraft({ timezone: system.timezone, playbook: draft.playbook || (all[0]?.path ?? '') });
    } else {
      const { node } = await request(SCHEDULE, { id: props.target.scheduleId });
      if (!node || !('timing' in node)) throw new Error('The schedule was deleted meanwhile.');
      setVersion(node.version);
      const { timing, parameters } = node;
      setDraft({
        playbook: node.playbook,
        name: node.name,
        timezone: node.timezone,
        overlap: node.overlap,
        inventory: parameters.inventory ?? '',
        limit: parameters.limit ?? '',
        tags: parameters.tags.join(', '),
        extraVars: parameters.extraVars ? JSON.stringify(parameters.extraVars, null, 1) : '',
        check: parameters.check,
      });
      if (timing.__typename === 'CronTiming') setDraft({ kind: 'cron', cron: timing.expression });
      else if (timing.__typename === 'OneOffTiming') setDraft({ kind: 'once', at: toLocalInput(timing.at) });
      else {
        const unit =
          (['days', 'hours', 'minutes'] as const).find((one) => timing.seconds % UNIT_SECONDS[one] === 0) ??
          'seconds';
        setDraft({ kind: 'interval', unit, every: String(timing.seconds / UNIT_SECONDS[unit]) });
      }
    }
    setPristine(JSON.stringify(draft));
    setReady(true);
  };
  void load().catch((error) => {
    toastError(error);
    closeScheduleDialog();
  });

  const close = async () => {
    const isChanged = isReady() && JSON.stringify(draft) !== pristine();
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
    const input = createInputOf(draft);
    if (isFault(input)) {
      show({ [input.field]: { message: input.message, position: null } });
      return;
    }
    setSaving(true);
    try {
      const result = await send(input);
      switch (result.__typename) {
        case 'InvalidInputError':
          return show(faultsOf(result.issues));
        case 'NotFoundError':
          return show({ playbook: { message: result.message, position: null } });
        case 'ConflictError':
          return show({
            form: {
              message: `${result.message} Close this dialog and open it again to see what was changed.`,
              position: null,
            },
          });
      }
      closeScheduleDialog();
      toast(`“${result.schedule.name}” is scheduled.`);
      if (!runsNow) return;
      const { triggerSchedule } = await mutate(TRIGGER, { input: { id: result.schedule.id } });
      if (triggerSchedule.__typename !== 'TriggerSchedulePayload') toast(triggerSchedule.message, true);
    } catch (error) {
      // everything typed stays where it is
      show({ form: { message: messageOf(error), position: null } });
    } finally {
      setSaving(false);
    }
  };

  const send = async (input: Exclude<ReturnType<typeof createInputOf>, { field: DraftField }>) => {
    if (props.target.kind === 'create') return (await mutate(CREATE, { input })).createSchedule;
    return (
      await mutate(UPDATE, { input: { ...input, id: props.target.scheduleId, expectedVersion: version() } })
    ).updateSchedule;
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
            <Field id="playbook" label="Playbook" fault={faults().playbook}>
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
            </Field>
          </Show>
          <div class="f">
            <div class="label">When</div>
            <fieldset class="seg" aria-label="Kind of timing">
              <For each={KINDS}>
                {([kind, word]) => (
                  <button type="button" aria-pressed={draft.kind === kind} onClick={() => change({ kind })}>
                    {word}
                  </button>
                )}
              </For>
            </fieldset>
          </div>
          <Show when={draft.kind === 'cron'}>
            <Field
              id="cron"
              label="Cron expression"
              fault={faults().cron}
              help="minute hour day month weekday, six fields with seconds first, or a macro such as @daily"
            >
              <input
                id="schedule-cron"
                class="in mono"
                autocomplete="off"
                spellcheck={false}
                value={draft.cron}
                aria-invalid={faults().cron !== undefined}
                onInput={(event) => change({ cron: event.currentTarget.value })}
              />
              <Show when={faults().cron?.position != null}>
                <div class="caret" aria-hidden="true">{`${' '.repeat(faults().cron?.position ?? 0)}▲`}</div>
              </Show>
            </Field>
          </Show>
          <Show when={draft.kind === 'once'}>
            <Field id="at" label="At" fault={faults().at} help={`In your zone, ${viewerTimezone}`}>
              <input
                id="schedule-at"
                type="datetime-local"
                class="in"
                value={draft.at}
                onInput={(event) => change({ at: event.currentTarget.value })}
              />
            </Field>
          </Show>
          <Show when={draft.kind === 'interval'}>
            <Field id="every" label="Every" fault={faults().every}>
              <div class="flex gap-2">
                <input
                  id="schedule-every"
                  class="in"
                  inputmode="numeric"
                  value={draft.every}
                  onInput={(event) => change({ every: event.currentTarget.value })}
                />
                <select
                  class="in"
                  aria-label="Unit"
                  value={draft.unit}
                  onChange={(event) => change({ unit: event.currentTarget.value as ScheduleDraft['unit'] })}
                >
                  <For each={Object.keys(UNIT_SECONDS)}>
                    {(unit) => (
                      <option value={unit} selected={unit === draft.unit}>
                        {unit}
                      </option>
                    )}
                  </For>
                </select>
              </div>
            </Field>
          </Show>
          <Field id="timezone" label="Time zone" fault={faults().timezone}>
            <input
              id="schedule-timezone"
              class="in"
              list="zones"
              spellcheck={false}
              value={draft.timezone}
              aria-invalid={faults().timezone !== undefined}
              onInput={(event) => change({ timezone: event.currentTarget.value })}
            />
            <datalist id="zones">
              <For each={zones()}>{(zone) => <option value={zone} />}</For>
            </datalist>
          </Field>
          <Field id="name" label="Name" fault={faults().name}>
            <input
              id="schedule-name"
              class="in"
              placeholder={draft.playbook}
              value={draft.name}
              onInput={(event) => change({ name: event.currentTarget.value })}
            />
          </Field>
          <Field id="overlap" label="If the last run is still going">
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
          </Field>
          <details
            open={
              draft.limit !== '' ||
              draft.inventory !== '' ||
              draft.tags !== '' ||
              draft.extraVars !== '' ||
              draft.check
            }
          >
            <summary class="mb-3 cursor-pointer font-medium">Parameters</summary>
            <TextField
              field="inventory"
              label="Inventory"
              placeholder="inventory/hosts.ini"
              draft={draft}
              faults={faults()}
              onChange={change}
            />
            <TextField
              field="limit"
              label="Limit"
              placeholder="hosts or groups"
              draft={draft}
              faults={faults()}
              onChange={change}
            />
            <TextField
              field="tags"
              label="Tags"
              placeholder="comma separated"
              draft={draft}
              faults={faults()}
              onChange={change}
            />
            <Field id="extraVars" label="Extra variables (JSON)" fault={faults().extraVars}>
              <textarea
                id="schedule-extraVars"
                class="in mono"
                rows={3}
                spellcheck={false}
                value={draft.extraVars}
                aria-invalid={faults().extraVars !== undefined}
                onInput={(event) => change({ extraVars: event.currentTarget.value })}
              />
            </Field>
            <label class="flex items-center gap-2">
              <input
                type="checkbox"
                checked={draft.check}
                onChange={(event) => change({ check: event.currentTarget.checked })}
              />
              Check mode: change nothing, say what would change
            </label>
          </details>
        </div>
        <div>
          <SchedulePreview draft={draft} onFaults={onPreviewFaults} />
        </div>
      </div>
    </Dialog>
  );
}

function Field(props: {
  id: string;
  label: string;
  fault?: FieldFault | undefined;
  help?: string;
  children: JSX.Element;
}) {
  return (
    <div class="f">
      <label for={`schedule-${props.id}`}>{props.label}</label>
      {props.children}
      <Show
        when={props.fault}
        fallback={<Show when={props.help}>{(help) => <div class="help">{help()}</div>}</Show>}
      >
        {(fault) => (
          <div class="help err" role="alert">
            {fault().message}
          </div>
        )}
      </Show>
    </div>
  );
}

function TextField(props: {
  field: 'inventory' | 'limit' | 'tags';
  label: string;
  placeholder: string;
  draft: ScheduleDraft;
  faults: Partial<Record<DraftField, FieldFault>>;
  onChange(part: Partial<ScheduleDraft>): void;
}) {
  return (
    <Field id={props.field} label={props.label} fault={props.faults[props.field]}>
      <input
        id={`schedule-${props.field}`}
        class="in mono"
        placeholder={props.placeholder}
        spellcheck={false}
        value={props.draft[props.field]}
        aria-invalid={props.faults[props.field] !== undefined}
        onInput={(event) => props.onChange({ [props.field]: event.currentTarget.value })}
      />
    </Field>
  );
}
