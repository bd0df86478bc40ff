import { For } from 'solid-js';
import { createStore } from 'solid-js/store';
import { messageOf } from '../lib/caught.ts';

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isError: boolean;
}

const [toasts, setToasts] = createStore<Toast[]>([]);
const SHOWN_MS = 6_000;
let lastId = 0;

/** Says something that needs no answer. */
export function toast(text: string, isError = false): void {
  lastId += 1;
  const id = lastId;
  setToasts(toasts.length, { id, text, isError });
  setTimeout(() => setToasts((all) => all.filter((one) => one.id !== id)), SHOWN_MS);
}

/** Shows what went wrong; for the end of a promise chain. */
export function toastError(error: unknown): void {
  toast(messageOf(error), true);
}

/** Where they appear; once in the page. */
export function ToastHost() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      <For each={toasts}>{(one) => <div class={`toast ${one.isError ? 'error' : ''}`}>{one.text}</div>}</For>
    </div>
  );
}
