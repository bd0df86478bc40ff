/**
 * Wakes up at the right moment, on one node only, and survives restarts. Knows nothing of what it wakes up for:
 * everything it holds is derived from the stores and can be made again from them.
 */
export interface Scheduler {
  /** Makes sure that `onTick` is called at this instant, whatever waits for it. Safe to call again. */
  armTick(instant: Date): Promise<void>;
  /** Forgets this instant, which nobody waits for any more. A call that is under way already is not stopped. */
  disarmTick(instant: Date): Promise<void>;
  /** Makes sure that `onRun` is called on some node as soon as it has room. Safe to call again. */
  queueRun(runId: string): Promise<void>;
  start(): Promise<void>;
  /** No new calls; resolves when those under way have ended, or after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/** What the scheduler calls; every one of these may be called twice for the same thing, also at once. */
export interface SchedulerCallbacks {
  /**
   * The instant comes within a few seconds, on this node. It is not waited for.
   * @returns whether nothing is left to be prepared; false: it is called once more, just before the instant
   */
  onTickAhead(instant: Date): Promise<boolean>;
  /**
   * The instant has come (never before it). Resolves with the instants to be woken at next.
   * When it rejects it is called again a second later.
   */
  onTick(instant: Date): Promise<readonly Date[]>;
  /**
   * Resolves when the run has ended, or is somebody else's. When it rejects it is called again a second later.
   * @returns false: there is no room for it here; it is called again a second later, on any node
   */
  onRun(runId: string): Promise<boolean>;
  /** Repairs what a crash may have left; called every `sweepMs` on one node. */
  onSweep(): Promise<void>;
  /** Something failed that will be tried again. */
  onError(error: unknown, during: string): void;
}
