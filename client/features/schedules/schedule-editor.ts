import { createSignal } from 'solid-js';
import { createStore } from 'solid-js/store';
import { messageOf } from '../../lib/caught.ts';
import type { FieldFault } from '../../lib/field-fault.ts';
import { createOnce } from '../../lib/once.ts';
import { closeScheduleDialog, type ScheduleDialogTarget } from '../../lib/schedule-dialog.ts';
import { triggerSchedule } from '../../lib/start-runs.ts';
import { viewerTimezone } from '../../lib/time.ts';
import { confirm } from '../../ui/confirm.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import {
  changeOf,
  createInputOf,
  type DraftField,
  emptyDraft,
  faultsOf,
  isFault,
  rebase,
  type ScheduleDraft,
} from './schedule-form.ts';
import {
  createSchedule,
  type Pristine,
  readChoices,
  readSchedule,
  updateSchedule,
} from './schedule-operations.ts';

type Faults = Partial<Record<DraftField, FieldFault>>;

/** State of the schedule dialog: the draft, its faults, and loading and saving it. */
export function createScheduleEditor(target: ScheduleDialogTarget) {
  const [draft, setDraft] = createStore<ScheduleDraft>(
    emptyDraft(target.kind === 'create' ? (target.playbook ?? '') : '', viewerTimezone),
  );
  const [playbooks, setPlaybooks] = createSignal<readonly string[]>([]);
  const [zones, setZones] = createSignal<readonly string[]>([viewerTimezone]);
  const [faults, setFaults] = createSignal<Faults>({});
  const [isSaving, setSaving] = createSignal(false);
  const [onceCreate, onceRun] = [createOnce(), createOnce()];
  const [isReady, setReady] = createSignal(false);
  /** The schedule as it was loaded; null before that. */
  let pristine: Pristine | null = null;
  let untouched = '';

  const change = (part: Partial<ScheduleDraft>) => setDraft(part);

  const load = async () => {
    const { timezone, playbooks: all } = await readChoices();
    setPlaybooks(all);
    setZones([...new Set([timezone, viewerTimezone, 'UTC', ...Intl.supportedValuesOf('timeZone')])]);
    if (target.kind === 'create') {
      setDraft({ timezone, playbook: draft.playbook || (all[0] ?? '') });
    } else {
      pristine = await readSchedule(target.scheduleId);
      setDraft(pristine.draft);
    }
    untouched = JSON.stringify(draft);
    setReady(true);
  };
  void load().catch((error) => {
    toastError(error);
    closeScheduleDialog(target);
  });

  const close = async () => {
    const isChanged = isReady() && JSON.stringify(draft) !== untouched;
    const isSure =
      !isChanged ||
      (await confirm({
        title: 'Discard what you typed?',
        text: 'The schedule is not saved yet.',
        action: 'Discard',
        isDangerous: true,
      }));
    if (isSure) closeScheduleDialog(target);
  };

  const show = (found: Faults) => {
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
      closeScheduleDialog(target);
      toast(`“${result.schedule.name}” is ${target.kind === 'edit' ? 'saved' : 'scheduled'}.`);
      if (!runsNow) return;
      const { id } = result.schedule;
      await runNow(id);
    } catch (error) {
      // the dialog stays open and keeps the draft
      show({ form: { message: messageOf(error), position: null } });
    } finally {
      setSaving(false);
    }
  };

  /** Called once the dialog is closed, so errors go to a toast. */
  const runNow = async (id: string) => {
    try {
      const started = await onceRun(id, (idempotencyKey) => triggerSchedule({ id, idempotencyKey }));
      if (started.__typename !== 'TriggerSchedulePayload') toast(started.message, true);
    } catch (error) {
      toastError(error);
    }
  };

  const send = async () => {
    if (target.kind === 'create') {
      const input = createInputOf(draft);
      if (isFault(input)) return { __typename: 'DraftFault', ...input } as const;
      return onceCreate(input, (idempotencyKey) => createSchedule({ ...input, idempotencyKey }));
    }
    if (!pristine)
      return { __typename: 'DraftFault', field: 'form', message: 'It is not read yet.' } as const;
    const change = changeOf(draft, pristine.draft, pristine.unreadable);
    if (isFault(change)) return { __typename: 'DraftFault', ...change } as const;
    return updateSchedule({ ...change, id: target.scheduleId, expectedVersion: pristine.version });
  };

  /** Adopts concurrent changes to fields that were not edited here. */
  const followOthers = async () => {
    if (target.kind !== 'edit' || !pristine) return;
    const before = pristine.draft;
    pristine = await readSchedule(target.scheduleId);
    setDraft(rebase(draft, before, pristine.draft));
  };

  // the preview replaces the faults of the timing while the user types; those of other fields stay
  const onPreviewFaults = (found: Faults) => {
    const { cron: _cron, at: _at, every: _every, timezone: _timezone, ...others } = faults();
    setFaults({ ...others, ...found });
  };

  return { draft, change, playbooks, zones, faults, onPreviewFaults, isSaving, isReady, save, close };
}
