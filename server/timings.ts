/**
 * How long the parts of a server wait, in ms. `startApp` hands each part its group; tests start servers that wait for a
 * tenth of it. What depends on each other keeps its proportions then, which the comments name.
 */
export interface Timings {
  readonly scheduler: SchedulerTimings;
  readonly runs: RunTimings;
  readonly runner: RunnerTimings;
  readonly logs: LogTimings;
  readonly mongo: MongoTimings;
  readonly sqlite: SqliteTimings;
  /** How long a node may take to tell the facts that it claimed; then another one tells them. */
  readonly outboxLeaseMs: number;
  /** Between two looks at the playbooks of schedules. */
  readonly playbookWatchMs: number;
  /** How long a probe waits for the database. */
  readonly probeMs: number;
  /** How long a stop waits for what the scheduler has under way. */
  readonly stopMs: number;
}

export interface SchedulerTimings {
  /** Between two looks for jobs that are due. */
  readonly pollMs: number;
  /**
   * How long before its instant a tick's job is due. Agenda leaves a job whose timer woke a millisecond early to the next
   * poll, so the job must be due more than one poll ahead; what is left of it is for getting ready, and the handler then
   * waits for the exact instant.
   */
  readonly leadMs: number;
  /** What could not be prepared at first, since its last run went on, is tried again this shortly before the instant. */
  readonly lastCallMs: number;
  /**
   * After this a node that holds a tick's job counts as dead and another one takes over. Taking over too early is harmless,
   * since the stores' compare-and-set decides who acts, so it is short. The job is held for the poll, the lead and the
   * work; Agenda looks at half of the lock whether it is held still, and reports one that is just being put away as an
   * error.
   */
  readonly tickLockMs: number;
  /** The same for the jobs of runs and for the sweep. */
  readonly runLockMs: number;
  /** After so long a job that failed is done again. */
  readonly retryMs: number;
  /** How often what a crash may have left is repaired; instants of twice that time are armed again. */
  readonly sweepMs: number;
}

export interface RunTimings {
  /** How often a worker renews the lease of its runs: a few times within it. */
  readonly heartbeatMs: number;
  /** After so long without renewal a run counts as lost. */
  readonly leaseMs: number;
  /** A node that is stopped on purpose comes back, and its playbooks go on meanwhile. */
  readonly leaseWhileStoppedMs: number;
  /** So long a queued run waits for room on a node; then another node may have it. */
  readonly roomWaitMs: number;
  /** A run that is queued for longer is put into the scheduler's queue again. */
  readonly queuedLongMs: number;
  /** Between two tries of what the database did not answer. */
  readonly retryMs: number;
  /** What may fail for another reason than the database, and for good, is tried less and less often, up to this. */
  readonly slowestRetryMs: number;
}

export interface RunnerTimings {
  /** How long a playbook that is asked to end may take before it is killed. */
  readonly cancelGraceMs: number;
  /** How often it is looked whether supervisors were killed, which cannot tell their end. */
  readonly lookMs: number;
  /** How long a supervisor may take to begin. */
  readonly startTimeoutMs: number;
  /** How long a supervisor may take to be known when a run is to be ended, and armed ones to end when the server stops. */
  readonly endTimeoutMs: number;
  /** After so long an end that failed (no file can be opened) is tried again. */
  readonly endAgainMs: number;
}

export interface LogTimings {
  /** Between two looks at a log that another node writes. */
  readonly pollMs: number;
  /** After so long a log that could not be stored is stored again. */
  readonly retryMs: number;
}

export interface MongoTimings {
  /** How long a server may take to be found, and a connection to be made. */
  readonly connectMs: number;
  /** A server that hangs is not waited for longer than this: the call fails, and is made again by whoever needs it. */
  readonly socketMs: number;
  /** How often the driver looks at its server. */
  readonly driverLookMs: number;
  /** A driver that is silent for so long is opened anew: longer than one of its looks takes, with the pause before it. */
  readonly silentMs: number;
  /** How often it is looked whether it is. */
  readonly silentLookMs: number;
  /** Between two looks for changes that other nodes made, while somebody listens. */
  readonly changesPollMs: number;
  /** The same while the database does not answer, at most. */
  readonly changesMaxPollMs: number;
  /** After so long a node that migrates the database and does not renew its lock counts as dead. */
  readonly migrationLeaseMs: number;
}

export interface SqliteTimings {
  /** Between two tries while another program holds the file locked. */
  readonly busyRetryMs: number;
  /** For so long it is tried. */
  readonly busyGiveUpMs: number;
}

/** What a server waits in earnest. */
export const TIMINGS: Timings = {
  scheduler: {
    pollMs: 1_000,
    leadMs: 3_000,
    lastCallMs: 250,
    tickLockMs: 10_000,
    runLockMs: 30_000,
    retryMs: 1_000,
    sweepMs: 15_000,
  },
  runs: {
    heartbeatMs: 5_000,
    leaseMs: 20_000,
    leaseWhileStoppedMs: 600_000,
    roomWaitMs: 1_000,
    queuedLongMs: 10_000,
    retryMs: 1_000,
    slowestRetryMs: 60_000,
  },
  runner: {
    cancelGraceMs: 5_000,
    lookMs: 1_000,
    startTimeoutMs: 10_000,
    endTimeoutMs: 5_000,
    endAgainMs: 5_000,
  },
  logs: { pollMs: 200, retryMs: 500 },
  mongo: {
    connectMs: 8_000,
    socketMs: 15_000,
    driverLookMs: 10_000,
    silentMs: 24_000,
    silentLookMs: 5_000,
    changesPollMs: 250,
    changesMaxPollMs: 5_000,
    migrationLeaseMs: 10_000,
  },
  sqlite: { busyRetryMs: 50, busyGiveUpMs: 10_000 },
  outboxLeaseMs: 60_000,
  playbookWatchMs: 3_000,
  probeMs: 2_000,
  stopMs: 5_000,
};
