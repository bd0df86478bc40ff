import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { readAdminKey } from './admin-key.ts';
import type { Config } from './config.ts';
import { openDataDir, seedPlaybooks } from './data-dir.ts';
import { type ChangeLog, SCHEDULER } from './domain/actor.ts';
import type { Services } from './graphql/context.ts';
import { globalId } from './graphql/ids.ts';
import { createGraphqlWebSocket } from './graphql/websocket.ts';
import { createGraphqlYoga } from './graphql/yoga.ts';
import { createDoor } from './http/door.ts';
import { createHttpServer } from './http/http-server.ts';
import { registerMetrics, registerProbes } from './http/probes.ts';
import { createRefusedKeys } from './http/refused-keys.ts';
import { registerRoutes } from './http/routes.ts';
import { createChannelNotifier } from './notify/channel-notifier.ts';
import { createAnsibleReader } from './reader/ansible-reader.ts';
import { createAnsibleRunner } from './runner/ansible-runner.ts';
import { createAgendaScheduler } from './scheduler/agenda-scheduler.ts';
import { createSealedSecrets } from './secrets/sealed-secrets.ts';
import { createRunLogService } from './services/logs/run-log-service.ts';
import { storedLogOf } from './services/logs/stored-log.ts';
import { createChannelService } from './services/notices/channel-service.ts';
import { createDeliveryService } from './services/notices/delivery-service.ts';
import { createDeliveryWorker } from './services/notices/delivery-worker.ts';
import { createFactNotices } from './services/notices/fact-notices.ts';
import { createOutboxReader } from './services/outbox-reader.ts';
import { openPlaybookFolder } from './services/playbooks/playbook-folder.ts';
import { createPlaybookListing } from './services/playbooks/playbook-listing.ts';
import { createPlaybookService } from './services/playbooks/playbook-service.ts';
import { createPlaybookVerdicts } from './services/playbooks/playbook-verdicts.ts';
import { createPlaybookWatch } from './services/playbooks/playbook-watch.ts';
import { createRunResultService } from './services/results/run-result-service.ts';
import { createRetention } from './services/retention.ts';
import { createIdempotency } from './services/runs/idempotency.ts';
import { createNewRuns } from './services/runs/new-runs.ts';
import { createRunExecutor } from './services/runs/run-executor.ts';
import { createRunRepeat } from './services/runs/run-repeat.ts';
import { createRunService } from './services/runs/run-service.ts';
import { createSpoolCleaning } from './services/runs/spool-cleaning.ts';
import { createScheduleService } from './services/schedules/schedule-service.ts';
import { createTickService } from './services/schedules/tick-service.ts';
import { createSystemService } from './services/system-service.ts';
import { createWatchService } from './services/watch-service.ts';
import { openStorage } from './storage/open-storage.ts';
import type { Timings } from './timings.ts';

/** A running Sible. */
export interface App {
  /** Where it listens, as a URL. */
  readonly url: string;
  /** The key that the API requires; null: none. */
  readonly key: string | null;
  readonly storageKind: 'sqlite' | 'mongodb';
  /** Stops serving and following. Running playbooks continue, and the next start reattaches to them. */
  close(): Promise<void>;
}

export interface AppOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly version: string;
  /** The `ansible-playbook` program. */
  readonly ansiblePlaybook: string;
  /** Example playbooks, copied when the playbook folder does not exist yet. */
  readonly examplesDir: string;
  /** Folder of the built console; null: the server has none. */
  readonly consoleDir: string | null;
  readonly timings: Timings;
}

/** Builds and starts the parts, lowest layer first. If one fails, closes those already open. */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, logger, timings } = options;
  const now = () => new Date();
  const onError = (error: unknown, during: string) =>
    logger.error({ err: error }, `failed, will be tried again: ${during}`);
  const onInfo = (message: string, details: object) => logger.info(details, message);
  const logChange: ChangeLog = (actor, change, subject) => logger.info({ actor, ...subject }, change);
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch (error) {
        logger.error({ err: error }, 'closing failed');
      }
    }
  };

  try {
    const dataDir = await openDataDir(config.dataDir);
    closers.push(() => dataDir.release());
    const { workerId } = dataDir;
    const key = await keyOf(config, (message) => logger.warn(message));
    await seedPlaybooks(config.playbooksDir, options.examplesDir);
    await mkdir(join(config.dataDir, 'runs'), { recursive: true, mode: 0o700 });

    const storage = await openStorage({
      mongodbUri: config.mongodbUri,
      sqlitePath: join(config.dataDir, 'sible.sqlite'),
      timings,
    });
    closers.push(() => storage.close());

    const folder = await openPlaybookFolder(config.playbooksDir);
    const reader = createAnsibleReader({
      ansiblePlaybook: options.ansiblePlaybook,
      environment: process.env,
      onWarning: (message) => logger.warn(message),
    });
    closers.push(() => reader.close());
    const verdicts = createPlaybookVerdicts(reader);
    const listing = createPlaybookListing(folder.root, verdicts);
    const playbooks = createPlaybookService({ folder, listing, verdicts, logChange });
    const runner = createAnsibleRunner({
      ansiblePlaybook: options.ansiblePlaybook,
      dataDir: await realpath(config.dataDir),
      passEnv: config.passEnv,
      outputLimit: config.outputLimit,
      timings: timings.runner,
      onWarning: (message) => logger.warn(message),
    });
    const runLogs = createRunLogService({ storage, timings: timings.logs, onError });
    closers.push(() => runLogs.close());

    // a cycle: the scheduler calls services that call the scheduler, so it gets functions
    const scheduler = createAgendaScheduler({
      backend: storage.jobBackend,
      nodeName: workerId,
      concurrency: config.concurrency,
      timings: timings.scheduler,
      onTickAhead: (instant) => ticks.prepare(instant),
      onTick: () => ticks.handle(),
      onRun: (runId) => executor.execute(runId),
      onSweep: async () => {
        await ticks.repair();
        await runs.markLost(SCHEDULER);
        await idempotency.forgetOld();
        retention.begin();
        await spoolCleaning.look();
      },
      onError,
    });
    const executor = createRunExecutor({
      storage,
      runner,
      runLogs,
      playbooks,
      scheduler,
      workerId,
      concurrency: config.concurrency,
      timeoutMs: config.runTimeoutMs,
      timings: timings.runs,
      now,
      onError,
      onInfo,
    });
    closers.push(() => executor.close());
    const retention = createRetention({
      storage,
      limits: config.retention,
      timings: timings.retention,
      now,
      onError,
      onInfo,
    });
    closers.push(() => retention.close());
    const spoolCleaning = createSpoolCleaning({
      runs: storage.runs,
      runner,
      isTaken: executor.isTaken,
      everyMs: timings.retention.everyMs,
    });
    const idempotency = createIdempotency({ keys: storage.keys, now });
    const results = createRunResultService({
      runs: storage.runs,
      events: runLogs.events,
      log: storedLogOf(storage.runLogs, 'output'),
      root: folder.root,
    });
    const newRuns = createNewRuns({ storage, executor, now, logChange });
    const runs = createRunService({
      storage,
      idempotency,
      playbooks,
      executor,
      newRuns,
      now,
      secondLookMs: 1.5 * timings.runs.heartbeatMs,
      logChange,
    });
    const repeat = createRunRepeat({ storage, results, playbooks, idempotency, newRuns, now });
    const ticks = createTickService({
      storage,
      scheduler,
      executor,
      now,
      repairAheadMs: 2 * timings.scheduler.sweepMs,
      queuedLongMs: timings.runs.queuedLongMs,
      onError,
      logChange,
    });
    const schedules = createScheduleService({
      storage,
      idempotency,
      scheduler,
      playbooks,
      defaultTimezone: config.timezone,
      now,
      onError,
      logChange,
    });
    const watch = createWatchService(
      storage,
      createPlaybookWatch({ storage, root: folder.root, intervalMs: timings.playbookWatchMs, onError }),
    );
    closers.push(() => watch.close());
    const system = createSystemService({
      storage,
      runner,
      ticks,
      version: options.version,
      timezone: config.timezone,
      node: workerId,
      probeMs: timings.probeMs,
      now,
    });

    const secrets = createSealedSecrets({ file: config.masterKeyFile, dataDir: config.dataDir });
    const notifier = createChannelNotifier({
      allow: config.notifyAllow,
      version: options.version,
      timeLimitMs: timings.notices.sendMs,
      now,
    });
    const factNotices = createFactNotices({
      storage,
      results,
      gatherMs: timings.notices.gatherMs,
      now,
      onError,
    });
    const outboxReader = createOutboxReader({
      outbox: storage.outbox,
      workerId,
      leaseMs: timings.outboxLeaseMs,
      handle: factNotices.record,
      now,
    });
    const deliveryWorker = createDeliveryWorker({
      storage,
      outboxReader,
      notifier,
      secrets,
      links: { idOf: globalId, urlOf: (type, id) => consoleUrl(config.publicUrl, type, id) },
      workerId,
      timings: timings.notices,
      now,
      onError,
    });
    const services: Services = {
      schedules,
      runs,
      repeat,
      runLogs,
      results,
      playbooks,
      watch,
      channels: createChannelService({ storage, secrets, notifier, now, logChange }),
      deliveries: createDeliveryService({ storage, now, logChange }),
      system,
    };
    const door = createDoor({ key, allowedHosts: config.allowedHosts });
    const yoga = createGraphqlYoga({
      services,
      isDevelopment: config.isDevelopment,
      onInternalError: (error, requestId) => logger.error({ err: error, requestId }, 'internal error'),
    });
    const refusedKeys = createRefusedKeys(
      () => now().getTime(),
      (address, refused) => logger.warn({ address, refused }, 'refused: no key, or a wrong one'),
    );
    const webSocket = createGraphqlWebSocket({
      yoga,
      actorOf: door.actorOf,
      refuseKey: (address) => refusedKeys.count(address).isOverLimit,
      onInternalError: (error) => logger.error({ err: error }, 'internal error of a WebSocket'),
    });
    const probes = {
      system,
      ticks,
      executor,
      retention,
      countSockets: webSocket.count,
    };
    const server = await createHttpServer({
      door,
      yoga,
      webSocket,
      refusedKeys,
      registerRoutes: (app) => {
        registerRoutes(app, services);
        registerMetrics(app, probes);
      },
      registerProbes: (app) => registerProbes(app, probes),
      consoleDir: options.consoleDir,
      logger,
    });

    await executor.recover();
    await scheduler.start();
    await ticks.repair();
    closers.push(() => scheduler.stop(timings.stopMs));
    deliveryWorker.start();
    closers.push(() => deliveryWorker.close());
    const url = await server.listen(config.host, config.port);
    closers.push(() => server.close());
    return { url, key, storageKind: storage.kind, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Page of the console; null: its address is not known. */
function consoleUrl(publicUrl: string | null, type: 'Schedule' | 'Run', id: string): string | null {
  if (publicUrl === null) return null;
  const page = type === 'Run' ? 'runs' : 'queue';
  return `${publicUrl}/${page}/${encodeURIComponent(globalId(type, id))}`;
}

/** Null: the API requires no key. */
async function keyOf(config: Config, onWarning: (message: string) => void): Promise<string | null> {
  if (config.isOpen) return null;
  if (config.adminToken !== null) return config.adminToken;
  const { key, mended } = await readAdminKey(config.dataDir);
  if (mended !== null) onWarning(mended);
  return key;
}
