import { For, Match, Switch } from 'solid-js';
import {
  RUN_PARAMETER_NAMES,
  RUN_PARAMETERS,
  type RunParameterField,
  type RunParameterName,
} from '../../shared/run-parameters.ts';
import type { FieldFault } from '../lib/field-fault.ts';
import type { ParameterDraft } from '../lib/parameters.ts';
import { controlOf, FieldNote, FormField, TextField } from './form-field.tsx';

/** One field for each row of the parameter table. */
export function ParameterFields(props: {
  /** Prefix of the control ids. */
  idPrefix: string;
  draft: ParameterDraft;
  faults: Partial<Record<RunParameterName, FieldFault>>;
  onChange(name: RunParameterName, value: string | boolean): void;
}) {
  return (
    <For each={RUN_PARAMETER_NAMES}>
      {(name) => (
        <ParameterField
          id={`${props.idPrefix}-${name}`}
          name={name}
          value={props.draft[name]}
          fault={props.faults[name]}
          onChange={(value) => props.onChange(name, value)}
        />
      )}
    </For>
  );
}

function rangeOf(field: RunParameterField): string | undefined {
  if (field.kind !== 'number') return undefined;
  return `${field.min.toLocaleString('en')} to ${field.max.toLocaleString('en')}`;
}

function ParameterField(props: {
  id: string;
  name: RunParameterName;
  value: string | boolean;
  fault: FieldFault | undefined;
  onChange(value: string | boolean): void;
}) {
  const field = RUN_PARAMETERS[props.name];
  const isLong = field.kind === 'json' || (field.kind === 'list' && field.separator === '\n');
  const placeholder = 'placeholder' in field ? field.placeholder : '';
  const hint = 'hint' in field ? `. ${field.hint}` : '';
  const help = field.kind === 'list' && isLong ? `One per line${hint}` : rangeOf(field);
  return (
    <Switch>
      <Match when={field.kind === 'flag'}>
        <div class="mb-3">
          <label class="flex items-center gap-2">
            <input
              {...controlOf(props)}
              type="checkbox"
              checked={props.value === true}
              onChange={(event) => props.onChange(event.currentTarget.checked)}
            />
            {field.label}
          </label>
          <FieldNote id={props.id} fault={props.fault} />
        </div>
      </Match>
      <Match when={isLong}>
        <FormField id={props.id} label={field.label} fault={props.fault} help={help}>
          <textarea
            {...controlOf({ id: props.id, fault: props.fault, help })}
            class="in mono"
            spellcheck={false}
            autocomplete="off"
            placeholder={placeholder}
            rows={field.kind === 'json' ? 3 : 2}
            value={String(props.value)}
            onInput={(event) => props.onChange(event.currentTarget.value)}
          />
        </FormField>
      </Match>
      <Match when={true}>
        <TextField
          id={props.id}
          label={field.label}
          fault={props.fault}
          help={help}
          value={String(props.value)}
          onInput={(value) => props.onChange(value)}
          input={{
            class: 'in mono',
            autocomplete: 'off',
            placeholder,
            inputmode: field.kind === 'number' ? 'numeric' : 'text',
          }}
        />
      </Match>
    </Switch>
  );
}
