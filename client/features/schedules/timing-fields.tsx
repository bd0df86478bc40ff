import { For, Show } from 'solid-js';
import { viewerTimezone } from '../../lib/time.ts';
import { FormField } from './form-field.tsx';
import { type DraftField, type FieldFault, type ScheduleDraft, UNIT_SECONDS } from './schedule-form.ts';

const KINDS = [
  ['cron', 'Cron'],
  ['once', 'Once'],
  ['interval', 'Interval'],
] as const;

/** When it runs, and in which zone that is read. */
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
        <FormField
          id="cron"
          label="Cron expression"
          fault={props.faults.cron}
          help="minute hour day month weekday, six fields with seconds first, or a macro such as @daily"
        >
          <input
            id="schedule-cron"
            class="in mono"
            autocomplete="off"
            spellcheck={false}
            value={props.draft.cron}
            aria-invalid={props.faults.cron !== undefined}
            onInput={(event) => props.onChange({ cron: event.currentTarget.value })}
          />
          <Show when={props.faults.cron?.position != null}>
            <div class="caret" aria-hidden="true">{`${' '.repeat(props.faults.cron?.position ?? 0)}▲`}</div>
          </Show>
        </FormField>
      </Show>
      <Show when={props.draft.kind === 'once'}>
        <FormField id="at" label="At" fault={props.faults.at} help={`In your zone, ${viewerTimezone}`}>
          <input
            id="schedule-at"
            type="datetime-local"
            step="any"
            class="in"
            value={props.draft.at}
            onInput={(event) => props.onChange({ at: event.currentTarget.value })}
          />
        </FormField>
      </Show>
      <Show when={props.draft.kind === 'interval'}>
        <FormField id="every" label="Every" fault={props.faults.every}>
          <div class="flex gap-2">
            <input
              id="schedule-every"
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
      <FormField id="timezone" label="Time zone" fault={props.faults.timezone}>
        <input
          id="schedule-timezone"
          class="in"
          list="zones"
          spellcheck={false}
          value={props.draft.timezone}
          aria-invalid={props.faults.timezone !== undefined}
          onInput={(event) => props.onChange({ timezone: event.currentTarget.value })}
        />
        <datalist id="zones">
          <For each={props.zones}>{(zone) => <option value={zone} />}</For>
        </datalist>
      </FormField>
    </>
  );
}
