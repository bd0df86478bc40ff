import { SCHEDULER } from '../../domain/actor.ts';
import type { Fact, OutboxRow } from '../../domain/facts.ts';
import type { NoticeEvent } from '../../domain/notice-event.ts';
import type { Channel } from '../../domain/notices/channel.ts';
import type { Delivery } from '../../domain/notices/delivery.ts';
import type { Notice, NoticeFailure } from '../../domain/notices/notice.ts';
import { decideNotices, type Happening } from '../../domain/notices/notice-rules.ts';
import type { RunSummary } from '../../domain/runs/run.ts';
import type { ScheduleSummary } from '../../domain/schedules/schedule.ts';
import type { Storage } from '../../storage/storage.ts';
import type { RunResultService } from '../results/run-result-service.ts';

/** Turns facts into deliveries. */
export interface FactNotices {
  /**
   * Stores the deliveries of these facts; safe to do again with the same ones. Rejects when the database does not
   * answer.
   */
  record(rows: readonly OutboxRow[]): Promise<void>;
}

export interface FactNoticesOptions {
  readonly storage: Pick<Storage, 'channels' | 'schedules' | 'runs' | 'deliveries'>;
  readonly results: Pick<RunResultService, 'failures'>;
  /** How long a delivery waits for others that go to the same channel. */
  readonly gatherMs: number;
  now(): Date;
  onError(error: unknown, during: string): void;
}

/** What a fact is about, as it is now. */
interface Subject {
  readonly schedule: ScheduleSummary;
  readonly run: RunSummary | null;
}

/** Compare-and-set attempts; each finds that another node has told of the same schedule. */
const MAX_TRIES = 20;
const MAX_FAILURES = 5;
const MAX_HOSTS = 20;
const MAX_TEXT = 1_000;

export function createFactNotices(options: FactNoticesOptions): FactNotices {
  const { storage } = options;

  async function subjectOf(fact: Fact): Promise<Subject | null> {
    if (fact.scheduleId === null) return null;
    const [schedule] = await storage.schedules.findMany([fact.scheduleId]);
    if (!schedule) return null;
    const runId = 'runId' in fact ? fact.runId : null;
    const [run = null] = runId === null ? [] : await storage.runs.findMany([runId]);
    return { schedule, run };
  }

  async function failuresOf(run: RunSummary | null): Promise<NoticeFailure[]> {
    if (!run) return [];
    try {
      const failures = await options.results.failures(SCHEDULER, run);
      return failures.slice(0, MAX_FAILURES).map(({ hosts, task, message, file, line }) => ({
        hosts: hosts.slice(0, MAX_HOSTS),
        task: task.slice(0, MAX_TEXT),
        message: message.slice(0, MAX_TEXT),
        file,
        line,
      }));
    } catch (error) {
      // the message goes out without them
      options.onError(error, `reading the failures of run ${run.id}`);
      return [];
    }
  }

  async function recordOne(row: OutboxRow, channels: readonly Channel[]): Promise<void> {
    const { fact } = row;
    const subject = fact && (await subjectOf(fact));
    const happening = fact && subject && happeningOf(fact, subject, row.at, options.now());
    if (!fact || !subject || !happening) return;
    const { schedule } = subject;
    const channelsOf = (event: NoticeEvent) => audienceOf(schedule, channels, event);
    let failures: Promise<NoticeFailure[]> | null = null;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const { state, version } = await storage.deliveries.findState(schedule.id);
      const decision = decideNotices(state, happening, channelsOf, !schedule.enabled);
      const isSame = JSON.stringify(decision.state) === JSON.stringify(state);
      if (isSame && decision.notices.length === 0) return;
      const deliveries: Delivery[] = [];
      for (const { event, channels: ids } of decision.notices) {
        if (event === 'failed') failures ??= failuresOf(subject.run);
        const notice = noticeOf(event, fact, subject, row.at, event === 'failed' ? await failures : null);
        deliveries.push(...ids.map((channelId) => deliveryOf(row.id, channelId, notice)));
      }
      if (await storage.deliveries.advance(schedule.id, version, decision.state, deliveries)) return;
    }
    throw new Error(`What is told of schedule ${schedule.id} is always being changed by others.`);
  }

  function deliveryOf(factId: string, channelId: string, notice: Notice): Delivery {
    const createdAt = options.now();
    return {
      id: `${factId}-${notice.event}-${channelId}`,
      channelId,
      event: notice.event,
      scheduleId: notice.schedule.id,
      runId: notice.run?.id ?? null,
      notice,
      createdAt,
      state: 'pending',
      attempts: 0,
      nextAttemptAt: new Date(createdAt.getTime() + options.gatherMs),
      deliveredAt: null,
      answer: null,
    };
  }

  return {
    async record(rows) {
      const channels = (await storage.channels.list()).filter(({ enabled }) => enabled);
      // nobody to tell, so nothing to remember: a channel that comes later is told nothing of the past
      if (channels.length === 0) return;
      for (const row of rows) await recordOne(row, channels);
    },
  };
}

/** The ids of the channels that want an event of a schedule. */
function audienceOf({ policy }: ScheduleSummary, channels: readonly Channel[], event: NoticeEvent): string[] {
  const own = policy.channels;
  const wanted = own
    ? channels.filter(({ id }) => own.includes(id) && policy.noticeEvents.includes(event))
    : channels.filter(({ defaultFor }) => defaultFor.includes(event));
  return wanted.map(({ id }) => id);
}

/** Null: nobody is ever told of it. */
function happeningOf(fact: Fact, { schedule, run }: Subject, at: Date, now: Date): Happening | null {
  switch (fact.kind) {
    case 'runEnded': {
      const isLate = run !== null && isLateStart(run, schedule, run.startedAt ?? at);
      return { kind: 'runEnded', status: fact.status, at: run?.finishedAt ?? at, isLate };
    }
    case 'tickRecorded': {
      const startedAt = run?.startedAt ?? now;
      const isLate = run !== null && isLateStart(run, schedule, startedAt);
      return { kind: 'tick', outcome: fact.outcome, isLate: run?.startedAt || isLate ? isLate : null };
    }
    case 'scheduleProblem':
      return { kind: 'problem', isBroken: fact.problem !== null };
    case 'scheduleChanged':
      return fact.change === 'updated' ? { kind: 'changed' } : null;
  }
}

function isLateStart({ scheduledFor }: RunSummary, { policy }: ScheduleSummary, startedAt: Date): boolean {
  return scheduledFor !== null && startedAt.getTime() - scheduledFor.getTime() > policy.graceSeconds * 1_000;
}

function noticeOf(
  event: NoticeEvent,
  fact: Fact,
  { schedule, run }: Subject,
  at: Date,
  failures: readonly NoticeFailure[] | null,
): Notice {
  return {
    event,
    at: fact.kind === 'runEnded' ? (run?.finishedAt ?? at) : at,
    schedule: { id: schedule.id, name: schedule.name },
    playbook: run?.playbook ?? schedule.playbook,
    run: run && { id: run.id, status: run.status, durationMs: durationOf(run) },
    scheduledFor: fact.kind === 'tickRecorded' ? fact.scheduledFor : (run?.scheduledFor ?? null),
    reason: reasonOf(fact, run)?.slice(0, MAX_TEXT) ?? null,
    failures: failures ?? [],
  };
}

function durationOf({ startedAt, finishedAt }: RunSummary): number | null {
  return startedAt && finishedAt ? finishedAt.getTime() - startedAt.getTime() : null;
}

function reasonOf(fact: Fact, run: RunSummary | null): string | null {
  if (fact.kind === 'scheduleProblem') return fact.problem;
  if (fact.kind === 'tickRecorded' && fact.outcome === 'missed') return 'No run was started at this instant.';
  return run?.reason ?? null;
}
