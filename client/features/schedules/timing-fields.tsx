import { For, Show } from 'solid-js';
import type { FieldFault } from '../../lib/field-fault.ts';
import { viewerTimezone } from '../../lib/time.ts';
import { controlOf, FormField, TextField } from '../../ui/form-field.tsx';
import { type DraftField, type ScheduleDraft, UNIT_SECONDS } from './schedule-form.ts';

const KINDS = [
  ['cron', 'Cron'],
  ['once', 'Once'],
  ['interval', 'Interval'],
] as const;

/** When the schedule runs, and in which time zone. */
export function TimingFields(props: {
  draft: ScheduleDraft;
  zones: readonly string[];
  faults: Partial<Record<DraftField, FieldFault>>;
  onChange(part: Partial<ScheduleDraft>): void;
}) {
  return (
    <>
      <div class="f">
        <div class="label">When</div>
        <fieldset class="seg" aria-label="Kind of timing">
          <For each={KINDS}>
            {([kind, word]) => (
              <button
                type="button"
                aria-pressed={props.draft.kind === kind}
                onClick={() => props.onChange({ kind })}
              >
                {word}
              </button>
            )}
          </For>
        </fieldset>
      </div>
      <Show when={props.draft.kind === 'cron'}>
        <TextField
          id="schedule-cron"
          label="Cron expression"
          fault={props.faults.cron}
          help="minute hour day month weekday, six fields with seconds first, or a macro such as @daily"
          input={{ class: 'in mono', autocomplete: 'off' }}
          value={props.draft.cron}
          onInput={(cron) => props.onChange({ cron })}
        >
          <Show when={props.faults.cron?.position != null}>
            <div class="caret" aria-hidden="true">{`${' '.repeat(props.faults.cron?.position ?? 0)}▲`}</div>
          </Show>
        </TextField>
      </Show>
      <Show when={props.draft.kind === 'once'}>
        <TextField
          id="schedule-at"
          label="At"
          fault={props.faults.at}
          help={`In your zone, ${viewerTimezone}`}
          input={{ type: 'datetime-local', step: 'any' }}
          value={props.draft.at}
          onInput={(at) => props.onChange({ at })}
        />
      </Show>
      <Show when={props.draft.kind === 'interval'}>
        <FormField id="schedule-every" label="Every" fault={props.faults.every}>
          <div class="flex gap-2">
            <input
              {...controlOf({ id: 'schedule-every', fault: props.faults.every })}
              class="in"
              inputmode="numeric"
              value={props.draft.every}
              onInput={(event) => props.onChange({ every: event.currentTarget.value })}
            />
            <select
              class="in"
              aria-label="Unit"
              value={props.draft.unit}
              onChange={(event) =>
                props.onChange({ unit: event.currentTarget.value as ScheduleDraft['unit'] })
              }
            >
              <For each={Object.keys(UNIT_SECONDS)}>
                {(unit) => (
                  <option value={unit} selected={unit === props.draft.unit}>
                    {unit}
                  </option>
                )}
              </For>
            </select>
          </div>
        </FormField>
      </Show>
      <TextField
        id="schedule-timezone"
        label="Time zone"
        fault={props.faults.timezone}
        input={{ list: 'zones' }}
        value={props.draft.timezone}
        onInput={(timezone) => props.onChange({ timezone })}
      />
      <datalist id="zones">
        <For each={props.zones}>{(zone) => <option value={zone} />}</For>
      </datalist>
    </>
  );
}
