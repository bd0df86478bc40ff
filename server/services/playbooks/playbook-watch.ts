import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Storage } from '../../storage/storage.ts';

/**
 * Polls playbooks that have schedules for changes and removals by others (an editor, git), and announces
 * their schedules, whose `problem` may have changed. Imported files are not watched. File system events would
 * be cheaper, but network file systems lack them.
 */
export interface PlaybookWatch {
  /**
   * Polls while anybody listens. @returns the function that ends this listener's interest; safe to call again
   */
  start(): () => void;
}

export interface PlaybookWatchOptions {
  readonly storage: {
    readonly schedules: Pick<Storage['schedules'], 'listPlaybooks' | 'listByPlaybooks'>;
    readonly changes: Pick<Storage['changes'], 'publish'>;
  };
  /** The playbook folder. */
  readonly root: string;
  /** Polling interval, in ms. */
  readonly intervalMs: number;
  onError(error: unknown, during: string): void;
}

/** Maximum share of its time spent polling: slow polls become rarer. */
const SHARE = 0.05;

export function createPlaybookWatch(options: PlaybookWatchOptions): PlaybookWatch {
  const { intervalMs } = options;
  const { schedules, changes } = options.storage;
  let askers = 0;
  let ending: AbortController | null = null;

  async function look(known: Map<string, string>): Promise<void> {
    const paths = await schedules.listPlaybooks();
    const changed = new Map<string, string>();
    for (const path of paths) {
      const state = await stateOf(join(options.root, path));
      if (!known.has(path)) known.set(path, state);
      else if (known.get(path) !== state) changed.set(path, state);
    }
    if (changed.size === 0) return;
    for (const found of (await schedules.listByPlaybooks([...changed.keys()])).values())
      for (const { id } of found) await changes.publish({ kind: 'schedule', id });
    // only after all were announced: a failed announcement is repeated after the next poll
    for (const [path, state] of changed) known.set(path, state);
  }

  async function keepLooking(signal: AbortSignal): Promise<void> {
    const known = new Map<string, string>();
    while (!signal.aborted) {
      const begun = performance.now();
      await look(known).catch((error: unknown) => options.onError(error, 'looking for changed playbooks'));
      const tookMs = performance.now() - begun;
      await delay(Math.max(intervalMs, tookMs / SHARE), undefined, { signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  return {
    start() {
      askers += 1;
      if (ending === null) {
        ending = new AbortController();
        void keepLooking(ending.signal);
      }
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        askers -= 1;
        if (askers > 0) return;
        ending?.abort();
        ending = null;
      };
    },
  };
}

/** Changes whenever the file does. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return 'none';
  }
}
