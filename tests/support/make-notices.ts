import { randomUUID } from 'node:crypto';
import type { Channel } from '../../server/domain/notices/channel.ts';
import type { Delivery } from '../../server/domain/notices/delivery.ts';
import type { Message, Notice } from '../../server/domain/notices/notice.ts';
import { NOON } from './make.ts';

/** An enabled webhook that is told of failures by default. */
export function makeChannel(overrides: Partial<Channel> = {}): Channel {
  return {
    id: randomUUID(),
    name: 'On call',
    kind: 'webhook',
    target: 'hooks.example',
    fields: {},
    sealed: null,
    enabled: true,
    defaultFor: ['failed'],
    version: 1,
    createdAt: NOON,
    updatedAt: NOON,
    ...overrides,
  };
}

export function makeNotice(overrides: Partial<Notice> = {}): Notice {
  return {
    event: 'failed',
    at: NOON,
    schedule: { id: 'schedule-1', name: 'Nightly update' },
    playbook: 'update.yaml',
    run: { id: 'run-1', status: 'failed', durationMs: 83_000 },
    scheduledFor: NOON,
    reason: 'One or more hosts failed.',
    failures: [],
    ...overrides,
  };
}

export function makeMessage(...notices: readonly Partial<Notice>[]): Message {
  const all = notices.length === 0 ? [{}] : notices;
  return {
    id: 'delivery-1',
    isTest: false,
    notices: all.map((notice) => ({ ...makeNotice(notice), url: 'https://sible.example/runs/1' })),
  };
}

/** One that is due at once. */
export function makeDelivery(overrides: Partial<Delivery> = {}): Delivery {
  return {
    id: randomUUID(),
    channelId: randomUUID(),
    event: 'failed',
    scheduleId: 'schedule-1',
    runId: 'run-1',
    notice: makeNotice(),
    createdAt: NOON,
    state: 'pending',
    attempts: 0,
    nextAttemptAt: NOON,
    deliveredAt: null,
    answer: null,
    ...overrides,
  };
}
