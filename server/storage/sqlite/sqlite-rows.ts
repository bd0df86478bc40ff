import type { Run, RunStatus, RunSummary, RunTrigger } from '../../domain/runs/run.ts';
import type { Schedule, ScheduleSummary } from '../../domain/schedules/schedule.ts';
import type { Tick, TickOutcome } from '../../domain/schedules/tick.ts';
import { readSchedule, searchTextOf, writePolicy, writeTiming } from '../stored.ts';
import { readTarget, writeHosts, writeParameters } from '../stored-parameters.ts';

/** Rows as stored, and the mapping in both directions. */

export interface ScheduleRow {
  id: string;
  name: string;
  name_sort: string;
  playbook: string;
  search: string;
  timing: string;
  timezone: string;
  parameters: string;
  policy: string;
  enabled: number;
  next_run_at: number | null;
  due_at: number | null;
  problem: string | null;
  version: number;
  /** Only read as part of a schedule: edits do not touch it. */
  manual_starts?: number;
  created_at: number;
  updated_at: number;
}

/** As read for lists: without long parameters. */
export type ScheduleSummaryRow = Omit<ScheduleRow, 'parameters' | 'search' | 'manual_starts'> & {
  parameters: string | null;
};

export interface TickRow {
  schedule_id: string;
  scheduled_for: number;
  outcome: string;
  reason: string | null;
  run_id: string | null;
}

export interface RunRow {
  id: string;
  playbook: string;
  parameters: string;
  status: string;
  trigger: string;
  schedule_id: string | null;
  scheduled_for: number | null;
  queued_at: number;
  started_at: number | null;
  finished_at: number | null;
  working_folder: string | null;
  ansible_config: string | null;
  exit_code: number | null;
  reason: string | null;
  worker_id: string | null;
  lease_until: number | null;
  cancel_requested_at: number | null;
  retry_of: string | null;
  only_hosts: string | null;
}

export function scheduleToRow(schedule: Schedule): ScheduleRow {
  const name = schedule.name.toWellFormed();
  const playbook = schedule.playbook.toWellFormed();
  return {
    id: schedule.id,
    name,
    name_sort: name.toLowerCase(),
    playbook,
    search: searchTextOf(schedule),
    timing: writeTiming(schedule.timing),
    timezone: schedule.timezone,
    parameters: writeParameters(schedule.parameters),
    policy: writePolicy(schedule.policy),
    enabled: Number(schedule.enabled),
    next_run_at: toMs(schedule.nextRunAt),
    due_at: toMs(schedule.dueAt),
    problem: schedule.problem?.toWellFormed() ?? null,
    version: schedule.version,
    created_at: schedule.createdAt.getTime(),
    updated_at: schedule.updatedAt.getTime(),
  };
}

export function rowToSchedule(row: ScheduleRow): Schedule {
  const { parameters, manual_starts: manualStarts } = row;
  const plain = { ...plainOf(row), ...(manualStarts ? { manualStarts } : {}) };
  return readSchedule(plain, { ...storedOf(row), parameters });
}

export function rowToScheduleSummary(row: ScheduleSummaryRow): ScheduleSummary {
  return readSchedule(plainOf(row), { ...storedOf(row), parameters: row.parameters });
}

type WithoutParameters = Omit<ScheduleSummaryRow, 'parameters'>;

function plainOf({ id, name, playbook, timezone, version, ...row }: WithoutParameters) {
  return {
    id,
    name,
    playbook,
    timezone,
    version,
    enabled: row.enabled === 1,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
}

function storedOf({ timing, policy, problem, next_run_at, due_at }: WithoutParameters) {
  return { timing, policy, problem, nextRunAt: toDate(next_run_at), dueAt: toDate(due_at) };
}

export function tickToRow(tick: Tick): TickRow {
  return {
    schedule_id: tick.scheduleId,
    scheduled_for: tick.scheduledFor.getTime(),
    outcome: tick.outcome,
    reason: tick.reason,
    run_id: tick.runId,
  };
}

export function rowToTick(row: TickRow): Tick {
  return {
    scheduleId: row.schedule_id,
    scheduledFor: new Date(row.scheduled_for),
    outcome: row.outcome as TickOutcome,
    reason: row.reason,
    runId: row.run_id,
  };
}

export function runToRow(run: Run): RunRow {
  return {
    id: run.id,
    playbook: run.playbook.toWellFormed(),
    parameters: writeParameters(run.parameters),
    status: run.status,
    trigger: run.trigger,
    schedule_id: run.scheduleId,
    scheduled_for: toMs(run.scheduledFor),
    queued_at: run.queuedAt.getTime(),
    started_at: toMs(run.startedAt),
    finished_at: toMs(run.finishedAt),
    working_folder: run.place?.workingFolder ?? null,
    ansible_config: run.place?.ansibleConfig ?? null,
    exit_code: run.exitCode,
    reason: run.reason?.toWellFormed() ?? null,
    worker_id: run.workerId,
    lease_until: toMs(run.leaseUntil),
    cancel_requested_at: toMs(run.cancelRequestedAt),
    retry_of: run.retryOf,
    only_hosts: writeHosts(run.onlyHosts),
  };
}

export function rowToRun(row: RunRow): Run {
  return { ...rowToRunSummary(row), ...readTarget(row.parameters, row.only_hosts) };
}

export function rowToRunSummary(row: Omit<RunRow, 'parameters' | 'only_hosts'>): RunSummary {
  return {
    id: row.id,
    playbook: row.playbook,
    status: row.status as RunStatus,
    trigger: row.trigger as RunTrigger,
    scheduleId: row.schedule_id,
    scheduledFor: toDate(row.scheduled_for),
    queuedAt: new Date(row.queued_at),
    startedAt: toDate(row.started_at),
    finishedAt: toDate(row.finished_at),
    place:
      row.working_folder === null
        ? null
        : { workingFolder: row.working_folder, ansibleConfig: row.ansible_config },
    exitCode: row.exit_code,
    reason: row.reason,
    workerId: row.worker_id,
    leaseUntil: toDate(row.lease_until),
    cancelRequestedAt: toDate(row.cancel_requested_at),
    retryOf: row.retry_of,
  };
}

function toMs(date: Date | null): number | null {
  return date?.getTime() ?? null;
}

function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
