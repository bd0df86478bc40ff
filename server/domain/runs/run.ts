import type { RunParameters } from '../../../shared/run-parameters.ts';

/** One execution of a playbook. */
export interface Run {
  readonly id: string;
  /** Path of the playbook, relative to the playbook folder. */
  readonly playbook: string;
  /** Null: what is stored cannot be read. Such a run is shown, and never started: without its limit it could meet other hosts. */
  readonly parameters: RunParameters | null;
  readonly status: RunStatus;
  readonly trigger: RunTrigger;
  /** The schedule that it belongs to; null for a run of a playbook by hand. The schedule may be deleted by now. */
  readonly scheduleId: string | null;
  /** The nominal instant of the tick that started it; null when it was started by hand. */
  readonly scheduledFor: Date | null;
  readonly queuedAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** Null until it starts, and for runs of earlier versions. */
  readonly place: RunPlace | null;
  /** Exit code of ansible-playbook; null until it ended, and when it ended by a signal or never started. */
  readonly exitCode: number | null;
  /** Why it ended as it did, where the exit code does not say it. */
  readonly reason: string | null;
  /** The worker (node) that started it; null while queued. Only this worker may say how it went. */
  readonly workerId: string | null;
  /** When its worker's lease expires unless it is renewed; null unless running. */
  readonly leaseUntil: Date | null;
  /** When someone asked for its end; null: nobody. */
  readonly cancelRequestedAt: Date | null;
}

/** A queued run to which nothing has happened yet. */
export function newRun(
  wanted: Pick<
    Run,
    'id' | 'playbook' | 'parameters' | 'trigger' | 'scheduleId' | 'scheduledFor' | 'queuedAt'
  >,
): Run {
  return {
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

/** A run without its parameters: they may be large, and lists do without them. */
export type RunSummary = Omit<Run, 'parameters'>;

/** Where a run was started. */
export interface RunPlace {
  /** Relative to the playbook folder, "" for its root. */
  readonly workingFolder: string;
  /** The ansible.cfg that applied, relative to the playbook folder where it lies inside, else absolute; null: none. */
  readonly ansibleConfig: string | null;
}

/** `lost`: its worker stopped renewing its lease and nobody knows how it went; its worker may still tell. */
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

/** A run that is queued or running. */
export type ActiveRun = Pick<Run, 'id' | 'status'>;

/** Whether nothing more will come of this run, except that a lost one may still be found. */
export function isFinished(status: RunStatus): boolean {
  return status !== 'queued' && status !== 'running';
}
