import type { ActiveRun } from '../runs/run.ts';
import { nextInstant, nextInstants, type Timing } from '../time/timing.ts';
import { heedsActiveRuns, type SchedulePolicy } from './policy.ts';
import { type AwaitedInstant, dueAtOf, waitingFor } from './schedule.ts';
import type { TickOutcome } from './tick.ts';

/**
 * Instants recorded one by one; in a longer outage, one record stands for the range of the oldest instants,
 * and says so.
 */
const MAX_RECORDS = 5_000;

/** Input of a decision. */
export interface DueSchedule {
  readonly timing: Timing;
  readonly timezone: string;
  readonly policy: SchedulePolicy;
  /** The nominal instant it waits for; due at `now` or before. */
  readonly nextRunAt: Date;
}

export interface TickDecision {
  readonly scheduledFor: Date;
  readonly outcome: TickOutcome;
  /** Null if and only if it starts. */
  readonly reason: string | null;
}

/**
 * Decides on every instant from `nextRunAt` up to and including `now`, oldest first, and which instant comes
 * next. An instant that is late by no more than the grace period starts. Of older ones only the newest due
 * instant starts, and only within the start deadline. With overlap `skip` nothing starts while a run is
 * active, nor alongside one started by this decision.
 * @param activeRuns runs of the schedule that are queued or running
 */
export function decideTicks(
  schedule: DueSchedule,
  now: Date,
  activeRuns: readonly ActiveRun[],
): { readonly ticks: readonly TickDecision[]; readonly next: AwaitedInstant } {
  const { instants, omittedUntil } = dueInstants(schedule, now);
  const newest = instants.at(-1);
  const { graceSeconds, startDeadlineSeconds } = schedule.policy;
  let isActive = activeRuns.length > 0;
  const ticks = instants.map((scheduledFor): TickDecision => {
    const lateMs = now.getTime() - dueAtOf(scheduledFor).getTime();
    if (omittedUntil && scheduledFor.getTime() === schedule.nextRunAt.getTime()) {
      return missed(
        scheduledFor,
        `This instant and all later ones up to ${omittedUntil.toISOString()} passed while the scheduler was not running.`,
      );
    }
    if (lateMs > startDeadlineSeconds * 1_000) {
      return missed(
        scheduledFor,
        `It was noticed ${inWords(lateMs)} late; nothing is started later than ${inWords(startDeadlineSeconds * 1_000)}.`,
      );
    }
    if (lateMs > graceSeconds * 1_000 && scheduledFor !== newest) {
      return missed(
        scheduledFor,
        `It was noticed ${inWords(lateMs)} late; of several missed instants only the newest is run.`,
      );
    }
    if (heedsActiveRuns(schedule.policy) && isActive) {
      return { scheduledFor, outcome: 'skipped', reason: 'The previous run of this schedule had not ended.' };
    }
    isActive = true;
    return { scheduledFor, outcome: 'started', reason: null };
  });
  return { ticks, next: waitingFor(nextInstant(schedule.timing, schedule.timezone, now)) };
}

/**
 * All due instants; of very many only the first, which stands for the omitted range, and those recent enough
 * to matter.
 */
function dueInstants(schedule: DueSchedule, now: Date): { instants: Date[]; omittedUntil: Date | null } {
  const { timing, timezone, nextRunAt, policy } = schedule;
  const upToNow = (from: Date) => nextInstants(timing, timezone, from, MAX_RECORDS, now);
  const later = upToNow(nextRunAt);
  if (later.length < MAX_RECORDS) return { instants: [nextRunAt, ...later], omittedUntil: null };
  const omittedUntil = new Date(now.getTime() - policy.startDeadlineSeconds * 1_000 - 1);
  return { instants: [nextRunAt, ...upToNow(omittedUntil)], omittedUntil };
}

function missed(scheduledFor: Date, reason: string): TickDecision {
  return { scheduledFor, outcome: 'missed', reason };
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds === 3_600) return '1 h';
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) {
    const minutes = Math.floor((seconds % 3_600) / 60);
    return `${Math.floor(seconds / 3_600)} h${minutes > 0 ? ` ${minutes} min` : ''}`;
  }
  return `${Math.round(seconds / 86_400)} days`;
}
