import type { SystemInfo } from '../services/system-service.ts';
import { builder } from './builder.ts';

const StorageKindEnum = builder.enumType('StorageKind', {
  values: { SQLITE: { value: 'sqlite' }, MONGODB: { value: 'mongodb' } } as const,
});

const SystemRef = builder.objectRef<SystemInfo>('System').implement({
  fields: (t) => ({
    version: t.exposeString('version'),
    ansibleVersion: t.exposeString('ansibleVersion', {
      nullable: true,
      description: 'Version of ansible-core; null when it cannot be read.',
    }),
    storage: t.expose('storage', { type: StorageKindEnum }),
    timezone: t.expose('timezone', {
      type: 'TimeZone',
      description: 'The zone of schedules that name none.',
    }),
    node: t.exposeString('node', { description: 'Name of the node that answers.' }),
    now: t.expose('now', { type: 'DateTime' }),
    lastTickAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Nominal instant of the newest tick that this node handled. Null: none since its start.',
      resolve: (info) => info.lastTick?.scheduledFor ?? null,
    }),
    lastTickLagMs: t.int({
      nullable: true,
      description: 'How late that tick was handled.',
      resolve: (info) => info.lastTick?.lagMs ?? null,
    }),
  }),
});

builder.queryField('system', (t) =>
  t.field({
    type: SystemRef,
    description: 'This installation: versions, storage, and whether the scheduler is on time.',
    resolve: (_root, _args, { actor, services }) => services.system.info(actor),
  }),
);
