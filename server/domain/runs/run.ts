import type { RunParameters } from '../../../shared/run-parameters.ts';

/** One execution of a playbook. */
export interface Run {
  readonly id: string;
  /** Path of the playbook, relative to the playbook folder. */
  readonly playbook: string;
  /**
   * Null: the stored value cannot be read. Such a run is listed but never started: without its limit it could
   * affect other hosts.
   */
  readonly parameters: RunParameters | null;
  /**
   * Names of the only hosts that it may affect, instead of the limit of its parameters; null: that limit
   * applies. Never empty.
   */
  readonly onlyHosts: readonly string[] | null;
  readonly status: RunStatus;
  readonly trigger: RunTrigger;
  /** The schedule it belongs to, which may have been deleted since; null for a playbook run by hand. */
  readonly scheduleId: string | null;
  /** The nominal instant of the tick that started it; null when it was started by hand. */
  readonly scheduledFor: Date | null;
  readonly queuedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Null until it starts, and for runs of earlier versions. */
  readonly place: RunPlace | null;
  /**
   * Exit code of ansible-playbook; null until it has ended, and if it was ended by a signal or never started.
   */
  readonly exitCode: number | null;
  /** Why it ended as it did, if the exit code does not tell. */
  readonly reason: string | null;
  /** The worker (node) that started it; null while queued. Only this worker may record how it went. */
  readonly workerId: string | null;
  /** When its worker's lease expires unless it is renewed; null unless running. */
  readonly leaseUntil: Date | null;
  /** When cancellation was requested; null: never. */
  readonly cancelRequestedAt: Date | null;
  /** The run that this one repeats, which may have been removed since; null: none. */
  readonly retryOf: string | null;
}

/** A new queued run. */
export function newRun(
  wanted: Pick<
    Run,
    'id' | 'playbook' | 'parameters' | 'trigger' | 'scheduleId' | 'scheduledFor' | 'queuedAt'
  > &
    Partial<Pick<Run, 'onlyHosts' | 'retryOf'>>,
): Run {
  return {
    onlyHosts: null,
    retryOf: null,
    ...wanted,
    status: 'queued',
    startedAt: null,
    finishedAt: null,
    place: null,
    exitCode: null,
    reason: null,
    workerId: null,
    leaseUntil: null,
    cancelRequestedAt: null,
  };
}

/** A run without what may be large and is not needed in lists. */
export type RunSummary = Omit<Run, 'parameters' | 'onlyHosts'>;

/** Where a run was started. */
export interface RunPlace {
  /** Relative to the playbook folder, "" for its root. */
  readonly workingFolder: string;
  /**
   * The ansible.cfg that applied, relative to the playbook folder if inside it, else absolute; null: none.
   */
  readonly ansibleConfig: string | null;
}

/**
 * `lost`: its worker stopped renewing its lease, so its outcome is unknown; the worker may still report it.
 */
export type RunStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled' | 'timedOut' | 'lost';
export type RunTrigger = 'schedule' | 'manual' | 'retry';

export interface RunFilter {
  /** Any of these; undefined or empty: any status. */
  readonly status?: readonly RunStatus[] | undefined;
  readonly scheduleId?: string | undefined;
  readonly playbook?: string | undefined;
}

/** How a run ended. */
export interface RunEnd {
  readonly status: 'succeeded' | 'failed' | 'canceled' | 'timedOut' | 'lost';
  readonly exitCode: number | null;
  readonly reason: string | null;
  readonly finishedAt: Date;
}

/** How the runs of a schedule ended, by `queuedAt`. */
export interface ScheduleOutcomes {
  /** End of the newest run that succeeded; null: none ever did. */
  readonly lastSuccessAt: Date | null;
  /** How many runs after that one failed, timed out or were lost; canceled ones and those under way do not count. */
  readonly consecutiveFailures: number;
}

/** A run that is queued or running. */
export type ActiveRun = Pick<Run, 'id' | 'status'>;

/** Whether the run is over, except that the outcome of a lost one may still be reported. */
export function isFinished(status: RunStatus): boolean {
  return status !== 'queued' && status !== 'running';
}
