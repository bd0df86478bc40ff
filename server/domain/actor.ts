/** On whose behalf something is done: first argument of every use case, and named in the server log with every change. */
export type Actor =
  /** Whoever holds the key of the server. */
  | { readonly kind: 'keyHolder'; readonly address: string }
  /** Whoever reaches a server that asks for no key: it listens on the loopback interface only. */
  | { readonly kind: 'guest'; readonly address: string }
  /** Sible itself, when an instant has come or something is repaired. */
  | { readonly kind: 'scheduler' };

export const SCHEDULER: Actor = { kind: 'scheduler' };

/** Tells what was changed, once it is stored. `subject` names it by id or path, and holds nothing that a user typed into it. */
export type ChangeLog = (actor: Actor, change: string, subject: Readonly<Record<string, unknown>>) => void;
