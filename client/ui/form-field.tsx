import { type JSX, Show } from 'solid-js';
import type { FieldFault } from '../lib/field-fault.ts';

interface Field {
  /** Of the control; unique in the page. */
  readonly id: string;
  readonly fault?: FieldFault | undefined;
  readonly help?: string | undefined;
}

/** Attributes that tie a control to its label and to what is said below it. */
export function controlOf(field: Field) {
  return {
    id: field.id,
    'aria-invalid': field.fault !== undefined,
    'aria-describedby': field.fault || field.help ? `${field.id}-note` : undefined,
  };
}

/** What is wrong with a field, or else what helps. */
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

/** A control with its label, and below it what is wrong or what helps. */
export function FormField(props: Field & { label: string; children: JSX.Element }) {
  return (
    <div class="f">
      <label for={props.id}>{props.label}</label>
      {props.children}
      <FieldNote id={props.id} fault={props.fault} help={props.help} />
    </div>
  );
}

/** A field for one line of text. */
export function TextField(
  props: Field & {
    label: string;
    value: string;
    onInput(value: string): void;
    /** Further attributes of the input. */
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
