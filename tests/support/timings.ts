import { TIMINGS, type Timings } from '../../server/timings.ts';

const { scheduler, runs, runner, logs, mongo, sqlite } = TIMINGS;

/**
 * What a test would wait for is a tenth. What a busy machine may use up stays longer, in its proportions: a database that
 * needs two seconds for an answer is not away, and a node that was not scheduled for two is not dead. Polls stay above what
 * would itself keep the machine busy.
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
  sqlite: { ...sqlite, busyGiveUpMs: sqlite.busyGiveUpMs / 3 },
  outboxLeaseMs: TIMINGS.outboxLeaseMs / 4,
  playbookWatchMs: TIMINGS.playbookWatchMs / 10,
  probeMs: TIMINGS.probeMs,
  stopMs: TIMINGS.stopMs,
};

/** What servers wait in tests; in a soak it is what they wait in earnest. */
export const TEST_TIMINGS: Timings = process.env.SOAK === '1' ? TIMINGS : SHORT;
