import { setTimeout as delay } from 'node:timers/promises';
import type { AgendaBackend, JobRepository } from 'agenda';

export interface SurelyUnlockingOptions {
  readonly retryMs: number;
  /** Once aborted nothing is tried again. */
  readonly signal: AbortSignal;
  onError(error: unknown): void;
}

/** Longer than this and the lock of the job has grown old by itself. */
const TRIES = 5;

/**
 * The same backend, whose `unlockJob` never rejects: Agenda waits for no answer there, so that a store that is away for
 * a moment would end the process, and the job would stay locked for as long as the lock lives. It is tried again, a
 * few times; letting go of a job that somebody else took meanwhile is harmless, as taking over too early is.
 */
export function surelyUnlocking(backend: AgendaBackend, options: SurelyUnlockingOptions): AgendaBackend {
  const unlockJob: JobRepository['unlockJob'] = async (job) => {
    for (let left = TRIES - 1; ; left -= 1) {
      try {
        return await backend.repository.unlockJob(job);
      } catch (error) {
        options.onError(error);
      }
      if (left === 0) return;
      await delay(options.retryMs, undefined, { signal: options.signal }).catch(() => undefined);
      if (options.signal.aborted) return;
    }
  };
  return replacing(backend, {
    // asked for each time: a backend may have none before it is connected
    get repository() {
      return replacing(backend.repository, { unlockJob });
    },
  });
}

/** The object with some members replaced; its methods still find it behind `this`, private fields and all. */
function replacing<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get(target, key) {
      if (key in members) return Reflect.get(members, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
