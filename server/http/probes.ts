import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { SCHEDULER } from '../domain/actor.ts';
import type { Retention } from '../services/retention.ts';
import type { RunExecutor } from '../services/runs/run-executor.ts';
import type { TickService } from '../services/schedules/tick-service.ts';
import type { SystemService } from '../services/system-service.ts';

export interface ProbeOptions {
  readonly system: Pick<SystemService, 'problem'>;
  readonly ticks: Pick<TickService, 'lastTick'>;
  readonly executor: Pick<RunExecutor, 'countActive'>;
  readonly retention: Pick<Retention, 'removed' | 'size'>;
  readonly countSockets: () => number;
}

/** For probes without a key: reports only whether the server works. */
export function registerProbes(app: FastifyInstance, { system }: ProbeOptions): void {
  app.get('/healthz', async () => ({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const problem = await system.problem(SCHEDULER);
    return problem === null ? { status: 'ready' } : reply.code(503).send({ status: 'not ready', problem });
  });
}

/** Metrics in Prometheus format. They reveal activity, so they require the key like the rest of the API. */
export function registerMetrics(app: FastifyInstance, options: ProbeOptions): void {
  const { ticks, executor, retention, countSockets } = options;
  const registry = new Registry();
  // event loop lag is sampled by a timer; the default 100 samples a second would be most of an idle server's
  // work
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1_000 });
  new Gauge({
    name: 'sible_runs_active',
    help: 'Runs that go on on this node.',
    registers: [registry],
    collect() {
      this.set(executor.countActive());
    },
  });
  new Gauge({
    name: 'sible_websockets_open',
    help: 'Open WebSocket connections.',
    registers: [registry],
    collect() {
      this.set(countSockets());
    },
  });
  new Gauge({
    name: 'sible_last_tick_lag_seconds',
    help: 'How late the newest tick was handled on this node.',
    registers: [registry],
    collect() {
      const last = ticks.lastTick();
      if (last) this.set(last.lagMs / 1_000);
    },
  });
  new Gauge({
    name: 'sible_storage_bytes',
    help: 'How much the database holds, where it tells.',
    registers: [registry],
    async collect() {
      const size = await retention.size().catch(() => null);
      if (size !== null) this.set(size);
    },
  });
  const removed = [
    [
      'runs',
      'sible_retention_removed_runs_total',
      'Runs that this node has removed since they were too old.',
    ],
    [
      'ticks',
      'sible_retention_removed_ticks_total',
      'Ticks that this node has removed since they were too old.',
    ],
    ['bytes', 'sible_retention_reclaimed_bytes_total', 'Bytes that this node has given back to the disk.'],
  ] as const;
  for (const [kind, name, help] of removed)
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(retention.removed[kind]);
      },
    });
  app.addHook('onClose', async () => {
    registry.clear();
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
