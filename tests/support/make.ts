import { randomUUID } from 'node:crypto';
import type { LogChunk } from '../../server/domain/logs/run-log.ts';
import type { PageRequest } from '../../server/domain/page.ts';
import { newRun, type Run, type RunEnd, type RunSummary } from '../../server/domain/runs/run.ts';
import { DEFAULT_POLICY, type SchedulePolicy } from '../../server/domain/schedules/policy.ts';
import type { Schedule } from '../../server/domain/schedules/schedule.ts';
import type { Tick } from '../../server/domain/schedules/tick.ts';
import type { Firing, ScheduleStore } from '../../server/storage/storage.ts';
import { NO_PARAMETERS } from '../../shared/run-parameters.ts';

/** Instants of tests count from here: noon, so that a minute more or less stays on the day. */
export const NOON: Date = new Date('2026-11-23T12:00:00.000Z');

export function minutesAfter(instant: Date, minutes: number): Date {
  return new Date(instant.getTime() + minutes * 60_000);
}

/** All runs may overlap. */
export const ALLOW: SchedulePolicy = { ...DEFAULT_POLICY, overlap: 'allow' };

/** An enabled schedule that waits for {@link NOON}, and is due then. */
export function makeSchedule(overrides: Partial<Schedule> = {}): Schedule {
  return {
    id: randomUUID(),
    name: 'Nightly update',
    playbook: 'update.yaml',
    timing: { kind: 'cron', expression: '*/5 * * * *' },
    timezone: 'Europe/Berlin',
    parameters: NO_PARAMETERS,
    policy: DEFAULT_POLICY,
    enabled: true,
    nextRunAt: NOON,
    dueAt: overrides.nextRunAt === undefined ? NOON : overrides.nextRunAt,
    problem: null,
    version: 1,
    createdAt: new Date('2026-11-20T08:00:00.001Z'),
    updatedAt: new Date('2026-11-20T08:00:00.001Z'),
    ...overrides,
  };
}

/** A queued run that was started by hand. */
export function makeRun(overrides: Partial<Run> = {}): Run {
  const wanted = {
    id: randomUUID(),
    playbook: 'update.yaml',
    parameters: NO_PARAMETERS,
    trigger: 'manual',
    scheduleId: null,
    scheduledFor: null,
    queuedAt: NOON,
  } as const;
  return { ...newRun(wanted), ...overrides };
}

export function makeEnd(overrides: Partial<RunEnd> = {}): RunEnd {
  return { status: 'succeeded', exitCode: 0, reason: null, finishedAt: minutesAfter(NOON, 3), ...overrides };
}

export function makeTick(schedule: Pick<Schedule, 'id'>, overrides: Partial<Tick> = {}): Tick {
  return {
    scheduleId: schedule.id,
    scheduledFor: NOON,
    outcome: 'skipped',
    reason: 'A run of this schedule is running.',
    runId: null,
    ...overrides,
  };
}

/** The firing that starts one run at the instant that the schedule waits for, and then waits five minutes more. */
export function makeFiring(schedule: Schedule, overrides: Partial<Firing> = {}): Firing {
  const due = schedule.nextRunAt ?? NOON;
  const next = overrides.nextRunAt === undefined ? minutesAfter(due, 5) : overrides.nextRunAt;
  const run = makeRun({
    playbook: schedule.playbook,
    trigger: 'schedule',
    scheduleId: schedule.id,
    scheduledFor: due,
    queuedAt: due,
  });
  return {
    scheduleId: schedule.id,
    version: schedule.version,
    expectedNextRunAt: due,
    nextRunAt: next,
    dueAt: next,
    ticks: [makeTick(schedule, { scheduledFor: due, outcome: 'started', reason: null, runId: run.id })],
    runs: [run],
    ...overrides,
  };
}

export function makeChunk(
  firstLine: number,
  lines: readonly string[],
  endOffset = firstLine + lines.length,
): LogChunk {
  return { firstLine, lineCount: lines.length, bytes: Buffer.from(lines.join('\n')), endOffset };
}

export function makePage(overrides: Partial<PageRequest> = {}): PageRequest {
  return { limit: 50, cursor: null, backward: false, ...overrides };
}

/** Fires one schedule. @returns whether it was fired */
export async function fireOne(schedules: ScheduleStore, firing: Firing): Promise<boolean> {
  const [stored = null] = await schedules.fire([firing]);
  return stored !== null;
}

/** What every read of a run but the one by its id gives. */
export function summaryOf<R extends Run | null>(run: R): R extends null ? RunSummary | null : RunSummary;
export function summaryOf(run: Run | null): RunSummary | null {
  if (run === null) return null;
  const { parameters: _, onlyHosts: _hosts, ...summary } = run;
  return summary;
}
