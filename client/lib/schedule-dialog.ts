import { createSignal } from 'solid-js';

/** What the dialog edits: a new schedule, for a playbook if known, or an existing one. */
export type ScheduleDialogTarget =
  | { readonly kind: 'create'; readonly playbook: string | null }
  | { readonly kind: 'edit'; readonly scheduleId: string };

const [target, setTarget] = createSignal<ScheduleDialogTarget | null>(null);

/** Null: closed. The dialog itself belongs to a feature; other features only request it. */
export const scheduleDialogTarget = target;
export const openScheduleDialog = (wanted: ScheduleDialogTarget): void => {
  setTarget(wanted);
};
/** Closes the dialog if it is still open for this target. */
export const closeScheduleDialog = (opened: ScheduleDialogTarget): void => {
  if (target() === opened) setTarget(null);
};
