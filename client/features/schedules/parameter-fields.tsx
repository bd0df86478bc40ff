import { For, Match, Switch } from 'solid-js';
import {
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterName,
} from '../../../shared/run-parameters.ts';
import type { ParameterDraft } from '../../lib/parameters.ts';
import { FormField } from './form-field.tsx';
import type { DraftField, FieldFault } from './schedule-form.ts';

/** A field for each row of the table of parameters. */
export function ParameterFields(props: {
  draft: ParameterDraft;
  faults: Partial<Record<DraftField, FieldFault>>;
  onChange(name: RunParameterName, value: string | boolean): void;
}) {
  const isOpen = () =>
    RUN_PARAMETER_NAMES.some(
      (name) => (props.draft[name] !== '' && props.draft[name] !== false) || props.faults[name],
    );
  return (
    <details open={isOpen()}>
      <summary class="mb-3 cursor-pointer font-medium">Parameters</summary>
      <For each={RUN_PARAMETER_NAMES}>
        {(name) => (
          <ParameterField
            name={name}
            value={props.draft[name]}
            fault={props.faults[name]}
            onChange={(value) => props.onChange(name, value)}
          />
        )}
      </For>
    </details>
  );
}

function ParameterField(props: {
  name: RunParameterName;
  value: string | boolean;
  fault: FieldFault | undefined;
  onChange(value: string | boolean): void;
}) {
  const field = RUN_PARAMETERS[props.name];
  const isLong = field.kind === 'json' || (field.kind === 'list' && field.separator === '\n');
  const common = () => ({
    id: `schedule-${props.name}`,
    class: 'in mono',
    spellcheck: false,
    autocomplete: 'off',
    value: String(props.value),
    placeholder: 'placeholder' in field ? field.placeholder : '',
    'aria-invalid': props.fault !== undefined,
  });
  return (
    <Switch>
      <Match when={field.kind === 'flag'}>
        <label class="mb-3 flex items-center gap-2">
          <input
            id={`schedule-${props.name}`}
            type="checkbox"
            checked={props.value === true}
            onChange={(event) => props.onChange(event.currentTarget.checked)}
          />
          {field.label}
        </label>
      </Match>
      <Match when={isLong}>
        <FormField
          id={props.name}
          label={field.label}
          fault={props.fault}
          {...(field.kind === 'list' && { help: 'One per line' })}
        >
          <textarea
            {...common()}
            rows={field.kind === 'json' ? 3 : 2}
            onInput={(event) => props.onChange(event.currentTarget.value)}
          />
        </FormField>
      </Match>
      <Match when={true}>
        <FormField id={props.name} label={field.label} fault={props.fault}>
          <input
            {...common()}
            inputmode={field.kind === 'number' ? 'numeric' : 'text'}
            onInput={(event) => props.onChange(event.currentTarget.value)}
          />
        </FormField>
      </Match>
    </Switch>
  );
}
