import { setTimeout as delay } from 'node:timers/promises';
import type { Actor } from '../domain/actor.ts';
import type { Runner } from '../runner/runner.ts';
import type { Storage } from '../storage/storage.ts';
import type { TickService } from './schedules/tick-service.ts';

/** The state of this installation. */
export interface SystemService {
  info(actor: Actor): Promise<SystemInfo>;
  /** What is wrong, in words, or null when the database answers and the scheduler ticks. */
  problem(actor: Actor): Promise<string | null>;
}

export interface SystemInfo {
  readonly version: string;
  /** Null when it cannot be read. */
  readonly ansibleVersion: string | null;
  readonly storage: Storage['kind'];
  readonly timezone: string;
  readonly node: string;
  readonly now: Date;
  readonly lastTick: { readonly scheduledFor: Date; readonly lagMs: number } | null;
}

export interface SystemServiceOptions {
  readonly storage: Pick<Storage, 'kind' | 'ping' | 'schedules'>;
  readonly runner: Pick<Runner, 'version'>;
  readonly ticks: Pick<TickService, 'lastTick'>;
  readonly version: string;
  readonly timezone: string;
  readonly node: string;
  /** How long the database may take to answer `problem`, in ms. */
  readonly probeMs: number;
  now(): Date;
}

/** A schedule that is overdue for longer than this means that no node ticks. */
const OVERDUE_MS = 60_000;

export function createSystemService(options: SystemServiceOptions): SystemService {
  async function lookForProblem(): Promise<string | null> {
    await options.storage.ping(options.probeMs);
    const [due] = await options.storage.schedules.listDue(options.now(), 1);
    const overdueMs = due?.dueAt ? options.now().getTime() - due.dueAt.getTime() : 0;
    return overdueMs > OVERDUE_MS ? `The scheduler is ${Math.round(overdueMs / 1_000)} s behind.` : null;
  }

  return {
    async info(_actor) {
      return {
        version: options.version,
        ansibleVersion: await options.runner.version(),
        storage: options.storage.kind,
        timezone: options.timezone,
        node: options.node,
        now: options.now(),
        lastTick: options.ticks.lastTick(),
      };
    },

    async problem(_actor) {
      const noAnswer = 'The database does not answer.';
      const tooLate = new AbortController();
      try {
        // a driver may wait longer for its server than a probe waits for us
        return await Promise.race([
          lookForProblem(),
          delay(options.probeMs, noAnswer, { signal: tooLate.signal }),
        ]);
      } catch {
        return noAnswer;
      } finally {
        tooLate.abort();
      }
    },
  };
}
