import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Storage } from '../../storage/storage.ts';

/**
 * Looks whether playbooks with schedules were changed or removed by somebody else (an editor, git), and tells of their schedules,
 * whose `problem` may be another now. What the playbooks import is not looked at. Events of the file system would be cheaper, and are missing on network file systems.
 */
export interface PlaybookWatch {
  /** Keeps looking while anybody listens. @returns the function that ends this listener's interest; safe to call again */
  start(): () => void;
}

export interface PlaybookWatchOptions {
  readonly storage: {
    readonly schedules: Pick<Storage['schedules'], 'listPlaybooks' | 'listByPlaybooks'>;
    readonly changes: Pick<Storage['changes'], 'publish'>;
  };
  /** The playbook folder. */
  readonly root: string;
  /** Between two looks, in ms. */
  readonly intervalMs: number;
  onError(error: unknown, during: string): void;
}

/** The most of its time that it spends on looking: slow looks become rarer. */
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
    // what could not be told is told after the next look
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

/** The same for as long as the file is. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return 'none';
  }
}
