/**
 * Wakes up at the right moment, on one node only, and survives restarts. Knows nothing of what it wakes up for:
 * everything it holds is derived from the stores and can be made again from them.
 */
export interface Scheduler {
  /** Makes sure that `onTick` is called at this instant. Safe to call again. */
  armTick(scheduleId: string, scheduledFor: Date): Promise<void>;
  /** Forgets all waking up for this schedule. A call that is under way already is not stopped. */
  disarmTicks(scheduleId: string): Promise<void>;
  /** Makes sure that `onRun` is called on some node as soon as it has room. Safe to call again. */
  queueRun(runId: string): Promise<void>;
  start(): Promise<void>;
  /** No new calls; resolves when those under way have ended, or after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/** What the scheduler calls; every one of these may be called twice for the same thing, also at once. */
export interface SchedulerCallbacks {
  /**
   * The instant has come (never before it). Resolves with the next instant to be woken at; null: none.
   * When it rejects it is called again a second later.
   */
  onTick(scheduleId: string, scheduledFor: Date): Promise<Date | null>;
  /** Resolves when the run has ended, or is somebody else's. When it rejects it is called again a second later. */
  onRun(runId: string): Promise<void>;
  /** Repairs what a crash may have left; called every `SWEEP_EVERY_SECONDS` on one node. */
  onSweep(): Promise<void>;
  /** Something failed that will be tried again. */
  onError(error: unknown, during: string): void;
}

export const SWEEP_EVERY_SECONDS = 15;
