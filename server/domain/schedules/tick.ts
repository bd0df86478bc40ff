/** One nominal instant of a schedule and its outcome. There is exactly one per (schedule, instant). */
export interface Tick {
  readonly scheduleId: string;
  /** The nominal instant. */
  readonly scheduledFor: Date;
  readonly outcome: TickOutcome;
  /** Why it did not start, or why its run failed at once, in words; null when it started. */
  readonly reason: string | null;
  /** The run that it started; null: none. */
  readonly runId: string | null;
}

export type TickOutcome = 'started' | 'skipped' | 'missed';
