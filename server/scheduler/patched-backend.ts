import { setTimeout as delay } from 'node:timers/promises';
import type { AgendaBackend, JobParameters, JobRepository } from 'agenda';

export interface PatchedBackendOptions {
  /** Name of the jobs that this node locks only while it has room for them. */
  readonly limited: string;
  readonly limit: number;
  /** Lifetime of their locks, in ms. */
  readonly lockMs: number;
  readonly retryMs: number;
  /** Nothing is retried once this is aborted. */
  readonly signal: AbortSignal;
  onError(error: unknown): void;
}

export interface PatchedBackend {
  readonly backend: AgendaBackend;
  /** Counts a job in progress until `work` is done, even if its lock has expired. */
  holding<T>(jobId: string, work: () => Promise<T>): Promise<T>;
}

/** After this many tries the job stays locked until its lock expires. */
const UNLOCK_TRIES = 5;

/**
 * A connected backend that works around faults of Agenda (6.2) where it calls the backend:
 *
 * - It does not await `unlockJob`, so a briefly unreachable store would end the process. Here that never
 *   rejects: it is retried a few times. Releasing a job that another node has taken meanwhile is harmless.
 * - Its own limit counts a job whose lock expired before it began (the machine slept) forever. Here the job
 *   counts while its lock lives.
 * - It reconnects by itself, and nobody would handle a failure of that.
 */
export function patchLimitAndUnlock(backend: AgendaBackend, options: PatchedBackendOptions): PatchedBackend {
  /** Until when jobs that are not in progress yet count, in ms, by id. */
  const held = new Map<string, number>();
  let worked = 0;
  /** Requests for a job that are under way, and may return one. */
  let asked = 0;

  function hasRoom(): boolean {
    const now = Date.now();
    for (const [id, until] of held) if (until <= now) held.delete(id);
    return worked + held.size + asked < options.limit;
  }

  const getNextJobToRun: JobRepository['getNextJobToRun'] = async (name, ...rest) => {
    const ask = () => backend.repository.getNextJobToRun(name, ...rest);
    if (name !== options.limited) return ask();
    if (!hasRoom()) return undefined;
    asked += 1;
    try {
      const job = await ask();
      if (job) held.set(idOf(job), (job.lockedAt ?? new Date()).getTime() + options.lockMs);
      return job;
    } finally {
      asked -= 1;
    }
  };

  const saveJobState: JobRepository['saveJobState'] = async (job, ...rest) => {
    try {
      return await backend.repository.saveJobState(job, ...rest);
    } catch (error) {
      // Agenda leaves a job that it could not begin to its lock
      held.delete(idOf(job));
      throw error;
    }
  };

  const unlockJob: JobRepository['unlockJob'] = async (job) => {
    held.delete(idOf(job));
    for (let left = UNLOCK_TRIES - 1; ; left -= 1) {
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

  const repository = replacing(backend.repository, { getNextJobToRun, saveJobState, unlockJob });
  return {
    backend: replacing(backend, { repository, connect: async () => undefined }),
    async holding(jobId, work) {
      held.delete(jobId);
      worked += 1;
      try {
        return await work();
      } finally {
        worked -= 1;
      }
    },
  };
}

function idOf(job: JobParameters): string {
  return String(job._id);
}

/** The object with some members replaced; its methods keep it as `this`, private fields and all. */
function replacing<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get(target, key) {
      if (key in members) return Reflect.get(members, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
