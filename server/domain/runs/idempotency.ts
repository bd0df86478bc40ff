/** What a key of a caller stands for: the same key with the same request gives the same thing again. */
export interface KeyBinding {
  readonly key: string;
  /** Hash of the request that the key was first used with. */
  readonly request: string;
  /** Id of what the request made, or was about to make. */
  readonly id: string;
  readonly boundAt: Date;
  /** Whether it was made: what is not there any more was deleted since. */
  readonly isDone: boolean;
}

/** So long a key is remembered. */
export const KEY_LIFE_MS = 86_400_000;
