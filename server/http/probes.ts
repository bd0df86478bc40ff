import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { SCHEDULER } from '../domain/actor.ts';
import type { RunExecutor } from '../services/runs/run-executor.ts';
import type { TickService } from '../services/schedules/tick-service.ts';
import type { SystemService } from '../services/system-service.ts';

export interface ProbeOptions {
  readonly system: Pick<SystemService, 'problem'>;
  readonly ticks: Pick<TickService, 'lastTick'>;
  readonly executor: Pick<RunExecutor, 'countActive'>;
  readonly countSockets: () => number;
}

/** For probes that have no key: only whether it works. */
export function registerProbes(app: FastifyInstance, { system }: ProbeOptions): void {
  app.get('/healthz', async () => ({ status: 'ok' }));

  app.get('/readyz', async (_request, reply) => {
    const problem = await system.problem(SCHEDULER);
    return problem === null ? { status: 'ready' } : reply.code(503).send({ status: 'not ready', problem });
  });
}

/** Prometheus text. It tells what runs here, so it needs the key like the rest of the API. */
export function registerMetrics(app: FastifyInstance, { ticks, executor, countSockets }: ProbeOptions): void {
  const registry = new Registry();
  // the lag of the event loop is sampled by a timer, and 100 of them a second are what an idle server would mostly do
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
  app.addHook('onClose', async () => {
    registry.clear();
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
