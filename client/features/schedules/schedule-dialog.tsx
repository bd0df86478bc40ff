import { type ComponentProps, createEffect, createMemo, For, Show } from 'solid-js';
import { RUN_PARAMETER_NAMES } from '../../../shared/run-parameters.ts';
import { emptyParameterDraft } from '../../lib/parameters.ts';
import { type ScheduleDialogTarget, scheduleDialogTarget } from '../../lib/schedule-dialog.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { controlOf, FormField, TextField } from '../../ui/form-field.tsx';
import { ParameterFields } from '../../ui/parameter-fields.tsx';
import { createScheduleEditor } from './schedule-editor.ts';
import type { ScheduleDraft } from './schedule-form.ts';
import { SchedulePreview } from './schedule-preview.tsx';
import { TimingFields } from './timing-fields.tsx';

/** Renders the dialog while it has a target; mount it once. */
export function ScheduleDialogHost() {
  return (
    <Show when={scheduleDialogTarget()} keyed>
      {(target) => <ScheduleDialog target={target} />}
    </Show>
  );
}

function ScheduleDialog(props: { target: ScheduleDialogTarget }) {
  // each target gets its own dialog, so this never changes
  const { target } = props;
  const editor = createScheduleEditor(target);
  const isEditing = target.kind === 'edit';
  const isPlaybookGiven = target.kind === 'create' && target.playbook !== null;
  // a fault is shown at its field; if that field is hidden, it must still be shown somewhere
  const formFault = () => editor.faults().form ?? (isPlaybookGiven ? editor.faults().playbook : undefined);

  return (
    <Dialog
      isOpen
      width={920}
      title={
        <>
          <span aria-hidden="true">◷</span> {isEditing ? 'Edit schedule' : 'Schedule'}{' '}
          <span class="mono font-normal text-[var(--ink-3)]">{editor.draft.playbook}</span>
        </>
      }
      onClose={() => void editor.close()}
      footer={
        <>
          <Show when={formFault()}>
            {(fault) => (
              <span class="help err mr-auto" role="alert">
                {fault().message}
              </span>
            )}
          </Show>
          <Button kind="quiet" onClick={() => void editor.close()}>
            Cancel <kbd>Esc</kbd>
          </Button>
          <Button disabled={editor.isSaving() || !editor.isReady()} onClick={() => void editor.save(true)}>
            Save and run now
          </Button>
          <Button
            kind="primary"
            disabled={editor.isSaving() || !editor.isReady()}
            onClick={() => void editor.save(false)}
          >
            Save schedule
          </Button>
        </>
      }
    >
      <div class="cols">
        <div>
          <Show when={!isPlaybookGiven}>
            <FormField id="schedule-playbook" label="Playbook" fault={editor.faults().playbook}>
              <select
                {...controlOf({ id: 'schedule-playbook', fault: editor.faults().playbook })}
                class="in mono"
                value={editor.draft.playbook}
                onChange={(event) => editor.change({ playbook: event.currentTarget.value })}
              >
                <For each={editor.playbooks()}>
                  {(path) => (
                    <option value={path} selected={path === editor.draft.playbook}>
                      {path}
                    </option>
                  )}
                </For>
              </select>
            </FormField>
          </Show>
          <TimingFields
            draft={editor.draft}
            zones={editor.zones()}
            faults={editor.faults()}
            onChange={editor.change}
          />
          <TextField
            id="schedule-name"
            label="Name"
            fault={editor.faults().name}
            input={{ placeholder: editor.draft.playbook, spellcheck: true }}
            value={editor.draft.name}
            onInput={(name) => editor.change({ name })}
          />
          <FormField id="schedule-overlap" label="If the last run is still going">
            <select
              id="schedule-overlap"
              class="in"
              value={editor.draft.overlap}
              onChange={(event) =>
                editor.change({ overlap: event.currentTarget.value as ScheduleDraft['overlap'] })
              }
            >
              <option value="SKIP" selected={editor.draft.overlap === 'SKIP'}>
                Skip this one
              </option>
              <option value="ALLOW" selected={editor.draft.overlap === 'ALLOW'}>
                Run both
              </option>
            </select>
          </FormField>
          <ParametersPart
            draft={editor.draft.parameters}
            faults={editor.faults()}
            onChange={(name, value) =>
              editor.change({ parameters: { ...editor.draft.parameters, [name]: value } })
            }
          />
        </div>
        <div>
          <Show when={editor.isReady()}>
            <SchedulePreview draft={editor.draft} onFaults={editor.onPreviewFaults} />
          </Show>
        </div>
      </div>
    </Dialog>
  );
}

/** Opens automatically when a parameter is set or invalid; only the user closes it. */
function ParametersPart(props: Omit<ComponentProps<typeof ParameterFields>, 'idPrefix'>) {
  let part: HTMLDetailsElement | undefined;
  const isTelling = createMemo(() =>
    RUN_PARAMETER_NAMES.some(
      (name) => props.draft[name] !== emptyParameterDraft[name] || props.faults[name] !== undefined,
    ),
  );
  createEffect(() => {
    if (isTelling() && part) part.open = true;
  });
  return (
    <details ref={part}>
      <summary class="mb-3 cursor-pointer font-medium">Parameters</summary>
      <ParameterFields idPrefix="schedule" {...props} />
    </details>
  );
}
