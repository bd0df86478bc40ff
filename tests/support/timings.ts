import { TIMINGS, type Timings } from '../../server/timings.ts';

const { scheduler, runs, runner, logs, mongo, sqlite, notices } = TIMINGS;

/**
 * Durations that a test waits for are a tenth. Limits that a busy machine may use up stay longer, in
 * proportion: a database that takes two seconds to answer is not down, and a node that was not scheduled for
 * two is not dead. Poll intervals stay long enough not to keep the machine busy themselves.
 */
const SHORT: Timings = {
  scheduler: {
    pollMs: scheduler.pollMs / 4,
    leadMs: scheduler.leadMs / 4,
    lastCallMs: scheduler.lastCallMs / 4,
    tickLockMs: scheduler.tickLockMs / 3,
    runLockMs: scheduler.runLockMs / 3,
    retryMs: scheduler.retryMs / 10,
    sweepMs: scheduler.sweepMs / 10,
  },
  runs: {
    ...runs,
    heartbeatMs: runs.heartbeatMs / 10,
    leaseMs: runs.leaseMs / 4,
    roomWaitMs: runs.roomWaitMs / 10,
    queuedLongMs: runs.queuedLongMs / 10,
    retryMs: runs.retryMs / 10,
    slowestRetryMs: runs.slowestRetryMs / 10,
  },
  runner: { ...runner, cancelGraceMs: runner.cancelGraceMs / 10, lookMs: runner.lookMs / 4 },
  logs: { ...logs, retryMs: logs.retryMs / 10 },
  mongo: {
    ...mongo,
    connectMs: mongo.connectMs / 3,
    socketMs: mongo.socketMs / 3,
    driverLookMs: mongo.driverLookMs / 3,
    silentMs: mongo.silentMs / 3,
    silentLookMs: mongo.silentLookMs / 3,
    changesMaxPollMs: mongo.changesMaxPollMs / 10,
  },
  retention: { everyMs: TIMINGS.retention.everyMs / 600, settledMs: TIMINGS.retention.settledMs / 600 },
  sqlite: { ...sqlite, busyGiveUpMs: sqlite.busyGiveUpMs / 3 },
  outboxLeaseMs: TIMINGS.outboxLeaseMs / 4,
  notices: {
    sendMs: notices.sendMs / 5,
    gatherMs: notices.gatherMs / 100,
    pollMs: notices.pollMs / 25,
    leaseMs: notices.leaseMs / 20,
    settleAgainMs: notices.settleAgainMs / 10,
    sealedMs: notices.sealedMs / 100,
    pauseFactor: 1 / 100,
  },
  playbookWatchMs: TIMINGS.playbookWatchMs / 10,
  probeMs: TIMINGS.probeMs,
  stopMs: TIMINGS.stopMs,
};

/** Timings of servers in tests; a soak uses the real ones. */
export const TEST_TIMINGS: Timings = process.env.SOAK === '1' ? TIMINGS : SHORT;
