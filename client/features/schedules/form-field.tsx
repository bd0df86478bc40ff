import { type JSX, Show } from 'solid-js';
import type { FieldFault } from './schedule-form.ts';

/** A field of the dialog with its label, and below it what is wrong or what helps. */
export function FormField(props: {
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
