import * as Toast from '@kobalte/core/toast';
import { messageOf } from '../lib/caught.ts';

const SHOWN_MS = 6_000;
/** Further toasts wait until one of these is gone. */
const MAX_SHOWN = 5;

/** Shows a message that needs no answer. */
export function toast(text: string, isError = false): void {
  Toast.toaster.show((props) => (
    <Toast.Root
      toastId={props.toastId}
      class={`toast ${isError ? 'error' : ''}`}
      // the list announces it: a live region that appears together with its text is often not read
      role="listitem"
      aria-live="off"
      // Kobalte disables it, but users copy error messages
      style={{ 'user-select': 'text' }}
    >
      <Toast.Description>{text}</Toast.Description>
    </Toast.Root>
  ));
}

/** Shows what went wrong; for the end of a promise chain. */
export function toastError(error: unknown): void {
  toast(messageOf(error), true);
}

/**
 * Renders the toasts; mount it once. A toast stays while the pointer or the focus is on it, Escape closes it, and Alt+T
 * moves the focus there.
 */
export function ToastHost() {
  return (
    <Toast.Region duration={SHOWN_MS} limit={MAX_SHOWN} swipeDirection="down">
      <Toast.List class="toasts" aria-live="polite" aria-relevant="additions" />
    </Toast.Region>
  );
}
