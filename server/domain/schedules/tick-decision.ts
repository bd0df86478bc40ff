import { nextInstant, nextInstants, type Timing } from '../time/timing.ts';
import type { OverlapPolicy } from './schedule.ts';
import type { TickOutcome } from './tick.ts';

/** Up to this late every instant is still started, in ms: an outage this short should not be noticed. */
export const GRACE_MS = 60_000;
/** Up to this late the newest instant is still started once, in ms; later ones are missed. */
export const START_DEADLINE_MS = 3_600_000;
/** So many instants are recorded one by one; of a longer outage the oldest record stands for a range, and says so. */
const MAX_RECORDS = 5_000;

/** What a decision rests on. */
export interface DueSchedule {
  readonly timing: Timing;
  readonly timezone: string;
  readonly overlap: OverlapPolicy;
  /** The instant that it waits for; not after `now`. */
  readonly nextRunAt: Date;
}

export interface TickDecision {
  readonly scheduledFor: Date;
  readonly outcome: TickOutcome;
  /** Null exactly when it starts. */
  readonly reason: string | null;
}

/**
 * What becomes of every instant from `nextRunAt` up to and including `now`, oldest first, and what is waited for then.
 * An instant within `GRACE_MS` starts. Of older ones only the newest due instant starts, and only within
 * `START_DEADLINE_MS`. With overlap `skip` nothing starts while a run is active, nor beside one that starts here.
 *
 * @param activeRuns how many runs of the schedule are queued or running
 */
export function decideTicks(
  schedule: DueSchedule,
  now: Date,
  activeRuns: number,
): { readonly ticks: readonly TickDecision[]; readonly nextRunAt: Date | null } {
  const { instants, omittedUntil } = dueInstants(schedule, now);
  const newest = instants.at(-1);
  let active = activeRuns;
  const ticks = instants.map((scheduledFor): TickDecision => {
    const lateMs = now.getTime() - scheduledFor.getTime();
    if (omittedUntil && scheduledFor.getTime() === schedule.nextRunAt.getTime()) {
      return missed(
        scheduledFor,
        `This instant and all later ones up to ${omittedUntil.toISOString()} passed while the scheduler was not running.`,
      );
    }
    if (lateMs > START_DEADLINE_MS) {
      return missed(
        scheduledFor,
        `It was noticed ${inWords(lateMs)} late; nothing is started later than 1 h.`,
      );
    }
    if (lateMs > GRACE_MS && scheduledFor !== newest) {
      return missed(
        scheduledFor,
        `It was noticed ${inWords(lateMs)} late; of several missed instants only the newest is run.`,
      );
    }
    if (schedule.overlap === 'skip' && active > 0) {
      return { scheduledFor, outcome: 'skipped', reason: 'The previous run of this schedule had not ended.' };
    }
    active += 1;
    return { scheduledFor, outcome: 'started', reason: null };
  });
  return { ticks, nextRunAt: nextInstant(schedule.timing, schedule.timezone, now) };
}

/** All due instants; of very many the first, and those late enough to matter still. */
function dueInstants(schedule: DueSchedule, now: Date): { instants: Date[]; omittedUntil: Date | null } {
  const { timing, timezone, nextRunAt } = schedule;
  const upToNow = (from: Date) => nextInstants(timing, timezone, from, MAX_RECORDS, now);
  const later = upToNow(nextRunAt);
  if (later.length < MAX_RECORDS) return { instants: [nextRunAt, ...later], omittedUntil: null };
  const omittedUntil = new Date(now.getTime() - START_DEADLINE_MS - 1);
  return { instants: [nextRunAt, ...upToNow(omittedUntil)], omittedUntil };
}

function missed(scheduledFor: Date, reason: string): TickDecision {
  return { scheduledFor, outcome: 'missed', reason };
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) {
    const minutes = Math.floor((seconds % 3_600) / 60);
    return `${Math.floor(seconds / 3_600)} h${minutes > 0 ? ` ${minutes} min` : ''}`;
  }
  return `${Math.round(seconds / 86_400)} days`;
}
