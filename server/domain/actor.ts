/** On whose behalf something is done: the first argument of every use case, and logged with every change. */
export type Actor =
  /** A client that holds the server's key. */
  | { readonly kind: 'keyHolder'; readonly address: string }
  /** A client of a server without a key, which listens on the loopback interface only. */
  | { readonly kind: 'guest'; readonly address: string }
  /** Sible itself, when an instant is due or something is repaired. */
  | { readonly kind: 'scheduler' };

export const SCHEDULER: Actor = { kind: 'scheduler' };

/**
 * Logs a change once it is stored. `subject` identifies the changed thing by id or path, and must not contain
 * user-entered text.
 */
export type ChangeLog = (actor: Actor, change: string, subject: Readonly<Record<string, unknown>>) => void;
