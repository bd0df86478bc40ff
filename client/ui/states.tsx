import { type JSX, Show } from 'solid-js';
import { Button } from './button.tsx';

/** An empty page: what is missing, and what to do next. */
export function Empty(props: { title: string; children: JSX.Element; actions?: JSX.Element }) {
  return (
    <div class="empty">
      <h2>{props.title}</h2>
      {props.children}
      <Show when={props.actions}>
        <div class="row">{props.actions}</div>
      </Show>
    </div>
  );
}

/** Loading failed, and why. */
export function Failed(props: { message: string; onRetry(): void }) {
  return (
    <div class="empty" role="alert">
      <h2>This could not be loaded</h2>
      {props.message}
      <div class="row">
        <Button onClick={() => props.onRetry()}>Retry</Button>
      </div>
    </div>
  );
}

export function Loading() {
  return (
    <div class="empty sub" role="status">
      Loading …
    </div>
  );
}
