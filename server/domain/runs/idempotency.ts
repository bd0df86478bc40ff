/** What a caller's key is bound to: the same key with the same request returns the same thing. */
export interface KeyBinding {
  readonly key: string;
  /** Hash of the request that the key was first used with. */
  readonly request: string;
  /** Id of the thing that the request made, or was about to make. */
  readonly id: string;
  readonly boundAt: Date;
  /** Whether it was made: if it is missing, it was deleted since. */
  readonly isDone: boolean;
}

/** How long a key is remembered. */
export const KEY_LIFE_MS = 86_400_000;
