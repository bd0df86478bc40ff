/**
 * How long the parts of a server wait, in ms. `startApp` hands each part its group; tests start servers with
 * a tenth of each value. Values that depend on each other thus keep their proportions; the comments name
 * those.
 */
export interface Timings {
  readonly scheduler: SchedulerTimings;
  readonly runs: RunTimings;
  readonly runner: RunnerTimings;
  readonly logs: LogTimings;
  readonly mongo: MongoTimings;
  readonly sqlite: SqliteTimings;
  readonly retention: RetentionTimings;
  /**
   * How long a node may take to deliver the outbox rows that it has claimed; then another node takes over.
   */
  readonly outboxLeaseMs: number;
  readonly notices: NoticeTimings;
  /** Interval for checking the playbooks of schedules for changes. */
  readonly playbookWatchMs: number;
  /** How long a probe waits for the database. */
  readonly probeMs: number;
  /** How long a shutdown waits for the scheduler's jobs in progress. */
  readonly stopMs: number;
}

export interface SchedulerTimings {
  /** Interval for polling for due jobs. */
  readonly pollMs: number;
  /**
   * How long before its instant a tick's job is due. Agenda postpones a job whose timer fired a millisecond
   * early to the next poll, so the job must be due more than one poll ahead. The rest of the lead is for
   * preparing runs; the handler then waits for the exact instant.
   */
  readonly leadMs: number;
  /**
   * A run that could not be prepared because the schedule's last run was still active is retried this shortly
   * before the instant.
   */
  readonly lastCallMs: number;
  /**
   * How long a tick's job stays locked before its node counts as dead and another takes over. Taking over too
   * early is harmless, since the stores' compare-and-set decides who acts, so it is short. It must cover the
   * poll, the lead and the work; halfway through, Agenda checks that the lock is still held, and reports a
   * job that is just being removed as an error.
   */
  readonly tickLockMs: number;
  /** The same for run jobs and for the sweep. */
  readonly runLockMs: number;
  /** Delay before a failed job is retried. */
  readonly retryMs: number;
  /**
   * Interval of the sweep, which repairs what a crash may have left; instants within twice this interval are
   * armed again.
   */
  readonly sweepMs: number;
}

export interface RunTimings {
  /** How often a worker renews the leases of its runs: several times per lease. */
  readonly heartbeatMs: number;
  /** A run whose lease has not been renewed for this long counts as lost. */
  readonly leaseMs: number;
  /** Lease across a planned stop: the node comes back, and its playbooks keep running meanwhile. */
  readonly leaseWhileStoppedMs: number;
  /** How long a queued run waits for a free slot on a node before another node may take it. */
  readonly roomWaitMs: number;
  /** A run queued for longer than this is put into the scheduler's queue again. */
  readonly queuedLongMs: number;
  /** Interval between retries of a failed database call. */
  readonly retryMs: number;
  /** Upper limit of the backoff for work that may fail for good, and for reasons other than the database. */
  readonly slowestRetryMs: number;
}

export interface RunnerTimings {
  /** How long a playbook may take to end after SIGTERM before it is killed. */
  readonly cancelGraceMs: number;
  /** Interval for detecting killed supervisors, which cannot report their end. */
  readonly lookMs: number;
  /** How long a supervisor may take to start. */
  readonly startTimeoutMs: number;
  /**
   * How long to wait for a supervisor's process id when a run is to be ended, and for armed supervisors to
   * exit when the server stops.
   */
  readonly endTimeoutMs: number;
  /** Delay before a failed attempt to end a run (e.g. no file descriptor left) is retried. */
  readonly endAgainMs: number;
}

export interface LogTimings {
  /** Interval for polling a log that another node writes. */
  readonly pollMs: number;
  /** Delay before storing a log is retried. */
  readonly retryMs: number;
}

export interface MongoTimings {
  /** Timeout for server selection and for connecting. */
  readonly connectMs: number;
  /** Socket timeout for a hanging server: the call fails, and its caller retries. */
  readonly socketMs: number;
  /** Interval of the driver's server heartbeat. */
  readonly driverLookMs: number;
  /**
   * A driver without a heartbeat for this long is reopened; longer than one heartbeat takes, including the
   * pause before it.
   */
  readonly silentMs: number;
  /** How often to check for that. */
  readonly silentLookMs: number;
  /** Interval for polling changes made by other nodes, while there are listeners. */
  readonly changesPollMs: number;
  /** Upper limit of that interval while the database does not answer. */
  readonly changesMaxPollMs: number;
  /** A migrating node that has not renewed its lock for this long counts as dead. */
  readonly migrationLeaseMs: number;
}

export interface NoticeTimings {
  /** How long one try to send may take. */
  readonly sendMs: number;
  /** How long a message waits for more that goes to the same channel. */
  readonly gatherMs: number;
  /** Interval for looking for facts to tell of and messages to send. */
  readonly pollMs: number;
  /** A node that has not recorded within this how a try went counts as dead; many times longer than a try. */
  readonly leaseMs: number;
  /** Interval for trying to record that. */
  readonly settleAgainMs: number;
  /** How long a node that cannot open the secrets of a channel leaves its messages to others. */
  readonly sealedMs: number;
  /** Factor of the pauses between tries; 1 except in tests. */
  readonly pauseFactor: number;
}

export interface RetentionTimings {
  /** How often a node looks for what is to be removed: runs and ticks, and orphaned spool folders. */
  readonly everyMs: number;
  /** A run that ended this long ago is not stored again by anyone who did not get an answer. */
  readonly settledMs: number;
}

export interface SqliteTimings {
  /** Interval between retries while another program holds the file locked. */
  readonly busyRetryMs: number;
  /** How long to retry before giving up. */
  readonly busyGiveUpMs: number;
}

/** The production values. */
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
  retention: { everyMs: 600_000, settledMs: 600_000 },
  sqlite: { busyRetryMs: 50, busyGiveUpMs: 10_000 },
  outboxLeaseMs: 60_000,
  notices: {
    sendMs: 10_000,
    gatherMs: 30_000,
    pollMs: 5_000,
    leaseMs: 120_000,
    settleAgainMs: 1_000,
    sealedMs: 600_000,
    pauseFactor: 1,
  },
  playbookWatchMs: 3_000,
  probeMs: 2_000,
  stopMs: 5_000,
};
