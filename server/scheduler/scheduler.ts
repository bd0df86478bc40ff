/**
 * Wakes up at the right moment, on one node only, and survives restarts. Does not know what it wakes up for:
 * everything it holds is derived from the stores and can be rebuilt from them.
 */
export interface Scheduler {
  /** Ensures that `onTick` is called at this instant, whatever waits for it. Idempotent. */
  armTick(instant: Date): Promise<void>;
  /** Forgets this instant, which nobody waits for any more. Does not stop a call that is under way. */
  disarmTick(instant: Date): Promise<void>;
  /** Ensures that `onRun` is called on some node as soon as it has room. Idempotent. */
  queueRun(runId: string): Promise<void>;
  start(): Promise<void>;
  /** Makes no new calls; resolves when those under way have ended, or after `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/** Called by the scheduler; each may be called twice for the same thing, even at once. */
export interface SchedulerCallbacks {
  /**
   * The instant is a few seconds away, on this node, which does not await this.
   * @returns whether nothing is left to prepare; false: it is called once more, just before the instant
   */
  onTickAhead(instant: Date): Promise<boolean>;
  /**
   * The instant has come (never before it). Resolves with the next instants to wake up at. If it rejects, it is
   * called again a second later.
   */
  onTick(instant: Date): Promise<readonly Date[]>;
  /**
   * Resolves when the run has ended, or belongs to another node. If it rejects, it is called again a second
   * later.
   * @returns false: there is no room for it here; it is called again a second later, on any node
   */
  onRun(runId: string): Promise<boolean>;
  /** Repairs what a crash may have left; called every `sweepMs` on one node. */
  onSweep(): Promise<void>;
  /** Reports a failure that will be retried. */
  onError(error: unknown, during: string): void;
}
