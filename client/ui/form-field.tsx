import { type JSX, Show } from 'solid-js';
import type { FieldFault } from '../lib/field-fault.ts';

interface Field {
  /** Id of the control; unique on the page. */
  readonly id: string;
  readonly fault?: FieldFault | undefined;
  readonly help?: string | undefined;
}

/** Attributes that link a control to its label and to the note below it. */
export function controlOf(field: Field) {
  return {
    id: field.id,
    'aria-invalid': field.fault !== undefined,
    'aria-describedby': field.fault || field.help ? `${field.id}-note` : undefined,
  };
}

/** The error of a field or, without one, its help text. */
export function FieldNote(props: Field) {
  return (
    <Show
      when={props.fault}
      fallback={
        <Show when={props.help}>
          {(help) => (
            <div class="help" id={`${props.id}-note`}>
              {help()}
            </div>
          )}
        </Show>
      }
    >
      {(fault) => (
        <div class="help err" role="alert" id={`${props.id}-note`}>
          {fault().message}
        </div>
      )}
    </Show>
  );
}

/** A control with its label and, below it, its error or help text. */
export function FormField(props: Field & { label: string; children: JSX.Element }) {
  return (
    <div class="f">
      <label for={props.id}>{props.label}</label>
      {props.children}
      <FieldNote id={props.id} fault={props.fault} help={props.help} />
    </div>
  );
}

/** A single-line text field. */
export function TextField(
  props: Field & {
    label: string;
    value: string;
    onInput(value: string): void;
    /** Additional attributes of the input. */
    input?: JSX.InputHTMLAttributes<HTMLInputElement>;
    /** Below the input. */
    children?: JSX.Element;
  },
) {
  return (
    <FormField id={props.id} label={props.label} fault={props.fault} help={props.help}>
      <input
        class="in"
        spellcheck={false}
        {...props.input}
        {...controlOf(props)}
        value={props.value}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {props.children}
    </FormField>
  );
}
