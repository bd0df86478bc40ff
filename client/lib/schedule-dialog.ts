import { createSignal } from 'solid-js';

/** What the dialog is opened for: a new schedule (of a playbook, when it is known) or one that exists. */
export type ScheduleDialogTarget =
  | { readonly kind: 'create'; readonly playbook: string | null }
  | { readonly kind: 'edit'; readonly scheduleId: string };

const [target, setTarget] = createSignal<ScheduleDialogTarget | null>(null);

/** Null: closed. The dialog itself is a feature; others only say that they want it. */
export const scheduleDialogTarget = target;
export const openScheduleDialog = (wanted: ScheduleDialogTarget): void => {
  setTarget(wanted);
};
/** Closes the dialog if it is still the one that was opened for this target. */
export const closeScheduleDialog = (opened: ScheduleDialogTarget): void => {
  if (target() === opened) setTarget(null);
};
