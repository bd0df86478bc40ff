import type { Binary } from 'mongodb';
import type { Delivery } from '../../domain/notices/delivery.ts';
import type { Run, RunStatus, RunSummary, RunTrigger } from '../../domain/runs/run.ts';
import type { Schedule, ScheduleSummary } from '../../domain/schedules/schedule.ts';
import type { Tick, TickOutcome } from '../../domain/schedules/tick.ts';
import { NEVER_MS, readSchedule, searchTextOf, writePolicy, writeTiming } from '../stored.ts';
import { type StoredDelivery, writeNotice } from '../stored-notices.ts';
import { readTarget, writeHosts, writeParameters } from '../stored-parameters.ts';

/** Documents as stored, and the mapping in both directions. Ids are ours. */

export interface ScheduleDocument {
  _id: string;
  name: string;
  nameSort: string;
  playbook: string;
  search: string;
  /** JSON, like the policy and the parameters: names of extra variables may be invalid as field names. */
  timing: string;
  timezone: string;
  parameters: string;
  policy: string;
  enabled: boolean;
  nextRunAt: Date | null;
  nextRunSort: number;
  dueAt: Date | null;
  problem: string | null;
  version: number;
  createdAt: Date;
  updatedAt: Date;
  /** Absent: none. Edits do not touch it. */
  manualStarts?: number;
  /** A decided change whose ticks, runs and facts are still being stored; absent otherwise. */
  firing?: FiringDocument;
}

/** As read for lists: without long parameters. */
export type ScheduleSummaryDocument = Omit<
  ScheduleDocument,
  'parameters' | 'search' | 'manualStarts' | 'firing'
> & { parameters: string | null };

export interface FiringDocument {
  id: string;
  /** When it was decided; missing in firings left by earlier versions. */
  at?: Date;
  ticks: TickDocument[];
  runs: RunDocument[];
  /** What happened to the schedule itself; absent: it was fired or started by hand. */
  change?: ScheduleChange;
}

export type ScheduleChange = 'created' | 'updated' | 'deleted' | 'problem';

export interface TickDocument {
  /** Schedule and instant: the unique key of the ledger. */
  _id: string;
  scheduleId: string;
  scheduledFor: Date;
  outcome: string;
  reason: string | null;
  runId: string | null;
}

export interface RunDocument {
  _id: string;
  playbook: string;
  parameters: string;
  status: string;
  trigger: string;
  scheduleId: string | null;
  scheduledFor: Date | null;
  queuedAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** Missing in runs stored by earlier versions. */
  place?: { workingFolder: string; ansibleConfig: string | null } | null;
  exitCode: number | null;
  reason: string | null;
  workerId: string | null;
  leaseUntil: Date | null;
  cancelRequestedAt: Date | null;
  /** These are absent where there is none. */
  retryOf?: string;
  /** JSON, like the parameters. */
  onlyHosts?: string;
  /** An end whose fact is still being recorded; absent otherwise. */
  ended?: EndedDocument;
}

export interface EndedDocument {
  /** Of the fact. */
  id: string;
  at: Date;
  status: string;
}

export interface OutboxDocument {
  _id: string;
  at: Date;
  /** JSON. */
  fact: string;
  /** When it may be claimed: first when it was recorded, later when its claimant's lease expires. */
  dueAt: Date;
  workerId: string | null;
  /** Id of the claim that holds it; absent: never claimed. */
  claim?: string;
  attempts: number;
}

export interface KeyDocument {
  _id: string;
  request: string;
  id: string;
  boundAt: Date;
  isDone: boolean;
}

export interface ChunkDocument {
  /** Run and first line: the unique key. */
  _id: string;
  runId: string;
  firstLine: number;
  lineCount: number;
  endOffset: number;
  /** UTF-8. */
  text: Binary;
  /** Whether the text is compressed (raw DEFLATE). */
  isDeflated: boolean;
  /** Missing in chunks of earlier versions. */
  writtenAt?: Date | null;
}

export interface ChangeDocument {
  kind: string;
  id: string;
  node: string;
  at: Date;
}

export function scheduleToDocument(schedule: Schedule): ScheduleDocument {
  const name = schedule.name.toWellFormed();
  return {
    _id: schedule.id,
    name,
    nameSort: name.toLowerCase(),
    playbook: schedule.playbook.toWellFormed(),
    search: searchTextOf(schedule),
    timing: writeTiming(schedule.timing),
    timezone: schedule.timezone,
    parameters: writeParameters(schedule.parameters),
    policy: writePolicy(schedule.policy),
    enabled: schedule.enabled,
    nextRunAt: schedule.nextRunAt,
    nextRunSort: nextRunSort(schedule.nextRunAt),
    dueAt: schedule.dueAt,
    problem: schedule.problem?.toWellFormed() ?? null,
    version: schedule.version,
    createdAt: schedule.createdAt,
    updatedAt: schedule.updatedAt,
  };
}

export function documentToSchedule(document: ScheduleDocument): Schedule {
  const { parameters, firing } = document;
  // no count includes the run of a start by hand that is under way: NaN lets no decision match
  const isStarting = firing?.ticks.length === 0 && firing.runs.length > 0;
  const starts = isStarting ? Number.NaN : document.manualStarts;
  const manualStarts = starts === undefined ? {} : { manualStarts: starts };
  return readSchedule({ ...plainOf(document), ...manualStarts }, { ...storedOf(document), parameters });
}

export function documentToScheduleSummary(document: ScheduleSummaryDocument): ScheduleSummary {
  return readSchedule(plainOf(document), { ...storedOf(document), parameters: document.parameters });
}

type WithoutParameters = Omit<ScheduleSummaryDocument, 'parameters'>;

function plainOf(document: WithoutParameters) {
  const { _id, name, playbook, timezone, enabled, version, createdAt, updatedAt } = document;
  return { id: _id, name, playbook, timezone, enabled, version, createdAt, updatedAt };
}

function storedOf({ timing, policy, problem, nextRunAt, dueAt }: WithoutParameters) {
  return { timing, policy, problem, nextRunAt, dueAt };
}

export function nextRunSort(nextRunAt: Date | null): number {
  return nextRunAt?.getTime() ?? NEVER_MS;
}

export function tickToDocument(tick: Tick): TickDocument {
  return { _id: `${tick.scheduleId}:${tick.scheduledFor.getTime()}`, ...tick };
}

export function documentToTick({ scheduleId, scheduledFor, outcome, reason, runId }: TickDocument): Tick {
  return { scheduleId, scheduledFor, outcome: outcome as TickOutcome, reason, runId };
}

export function runToDocument({ id, retryOf, onlyHosts, ...run }: Run): RunDocument {
  const hosts = writeHosts(onlyHosts);
  return {
    ...run,
    ...(retryOf === null ? {} : { retryOf }),
    ...(hosts === null ? {} : { onlyHosts: hosts }),
    _id: id,
    playbook: run.playbook.toWellFormed(),
    parameters: writeParameters(run.parameters),
    reason: run.reason?.toWellFormed() ?? null,
  };
}

export function documentToRun(document: RunDocument): Run {
  return { ...documentToRunSummary(document), ...readTarget(document.parameters, document.onlyHosts) };
}

/** @param document read without what may be long */
export function documentToRunSummary({
  _id,
  parameters: _,
  onlyHosts: _hosts,
  ended: _ended,
  ...document
}: RunDocument): RunSummary {
  return {
    ...document,
    id: _id,
    place: document.place ?? null,
    retryOf: document.retryOf ?? null,
    status: document.status as RunStatus,
    trigger: document.trigger as RunTrigger,
  };
}

export type DeliveryDocument = Omit<StoredDelivery, 'id'> & {
  readonly _id: string;
  /** When it may be claimed; null: it is not pending. */
  readonly dueAt: Date | null;
  /** Id of the first delivery of the message; null: it waits for one. */
  readonly messageId: string | null;
  /** Whether the message is complete; only of its first delivery. */
  readonly isFormed: boolean;
  readonly workerId: string | null;
};

/** A delivery as first stored. */
export function deliveryToDocument({ id, notice, ...delivery }: Delivery): DeliveryDocument {
  return {
    _id: id,
    ...delivery,
    notice: writeNotice(notice),
    dueAt: delivery.nextAttemptAt,
    messageId: null,
    isFormed: false,
    workerId: null,
  };
}
