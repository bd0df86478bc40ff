import { type CronExpression, daysInMonth } from './cron.ts';
import { offsetSpanAt, type WallMs } from './time-zone.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * A larger clock jump counts as a correction, not as a change to or from summer time. Source: cronie,
 * src/cron.c.
 */
const MAX_GAP_MS = 3 * HOUR_MS;

/**
 * How far ahead to search for fires: 28 years, after which weekdays and leap days repeat. The longest gap
 * between two matching dates is 8 years (29 February 2096 to 2104), so an expression that does not fire
 * within this never will.
 */
const HORIZON_MS = 10_227 * DAY_MS;

/**
 * More than the difference between any two offsets, so that a jump over quiet time lands before the wall time
 * sought.
 */
const OFFSET_MARGIN_MS = 26 * HOUR_MS;

const LATEST_MS = 8.64e15;

/**
 * The next instants at which an expression fires in a zone, strictly after `after`, earliest first; fewer
 * than `count`, possibly none, if no more are left within 28 years of `after`.
 *
 * Clock changes follow cronie's rule. A job whose minute or hour begins with `*` follows real time: it fires
 * at every instant whose wall time matches, so twice in a repeated hour and not at all in a skipped one. Any
 * other job fires once per matching wall time: the first time in a repeated hour, and at the first instant
 * after the gap when its wall time was skipped by a jump of at most 3 h. Fires at the same instant count as
 * one.
 * @param until the last instant of interest
 * @throws {RangeError} when there is no such zone, or `after` is not a valid date
 */
export function nextCronInstants(
  expr: CronExpression,
  timezone: string,
  after: Date,
  count: number,
  until: Date = new Date(LATEST_MS),
): Date[] {
  const afterMs = after.getTime();
  if (Number.isNaN(afterMs)) throw new RangeError('after is an invalid date; expected a valid one');
  const instants: Date[] = [];
  const limitMs = Math.min(afterMs + HORIZON_MS, until.getTime());
  let fromMs = Math.floor(afterMs / SECOND_MS) * SECOND_MS + SECOND_MS;
  while (expr.isPossible && instants.length < count) {
    const fireMs = findFireMs(expr, timezone, fromMs, limitMs);
    if (fireMs > limitMs) break;
    instants.push(new Date(fireMs));
    fromMs = fireMs + SECOND_MS;
  }
  return instants;
}

/** The first fire at or after `fromMs` (a whole second), `Infinity` if there is none up to `limitMs`. */
function findFireMs(expr: CronExpression, timezone: string, fromMs: number, limitMs: number): number {
  const wallLimitMs = limitMs + DAY_MS;
  let cursorMs = fromMs;
  while (cursorMs <= limitMs) {
    const span = offsetSpanAt(timezone, cursorMs);
    let wallMs = cursorMs + span.offsetMs;
    if (!expr.followsRealTime) {
      const gapMs = span.offsetMs - span.previousOffsetMs;
      const isAfterGap = cursorMs === span.startMs && gapMs > 0 && gapMs <= MAX_GAP_MS;
      if (isAfterGap && findWallMs(expr, wallMs - gapMs, wallMs) < wallMs) return cursorMs;
      wallMs = Math.max(wallMs, span.repeatedUntilMs);
    }
    const matchMs = findWallMs(expr, wallMs, wallLimitMs);
    const fireMs = matchMs - span.offsetMs;
    if (fireMs < span.endMs) return fireMs;
    // A clock set back soon after the cursor may show wall times before `wallMs` again, so do not jump over
    // that.
    const isQuiet = span.endMs - cursorMs > OFFSET_MARGIN_MS;
    cursorMs = isQuiet ? Math.max(span.endMs, matchMs - OFFSET_MARGIN_MS) : span.endMs;
  }
  return Number.POSITIVE_INFINITY;
}

/** The first matching wall time at or after `fromMs`, whatever the zone; `Infinity` if its day begins after `limitMs`. */
function findWallMs(expr: CronExpression, fromMs: WallMs, limitMs: WallMs): WallMs {
  let dayMs = Math.floor(fromMs / DAY_MS) * DAY_MS;
  let timeMs = fromMs - dayMs;
  const date = new Date(dayMs);
  let year = date.getUTCFullYear();
  let month = date.getUTCMonth() + 1;
  let day = date.getUTCDate();
  let weekday = date.getUTCDay();
  while (dayMs <= limitMs) {
    const isMonth = expr.months.includes(month);
    if (isMonth && matchesDay(expr, day, weekday)) {
      const matchMs = findTimeMs(expr, timeMs);
      if (matchMs < DAY_MS) return dayMs + matchMs;
    }
    const monthDays = daysInMonth(year, month);
    const stepDays = isMonth ? 1 : monthDays - day + 1;
    dayMs += stepDays * DAY_MS;
    timeMs = 0;
    weekday = (weekday + stepDays) % 7;
    day += stepDays;
    if (day > monthDays) {
      day = 1;
      year += month === 12 ? 1 : 0;
      month = (month % 12) + 1;
    }
  }
  return Number.POSITIVE_INFINITY;
}

function matchesDay(expr: CronExpression, day: number, weekday: number): boolean {
  if (expr.isAnyDayOfMonth) return expr.isAnyDayOfWeek || expr.daysOfWeek.includes(weekday);
  if (expr.isAnyDayOfWeek) return expr.daysOfMonth.includes(day);
  return expr.daysOfMonth.includes(day) || expr.daysOfWeek.includes(weekday);
}

/** The first matching time of day at or after `timeMs`, in ms since midnight; `Infinity` if none is left. */
function findTimeMs({ hours, minutes, seconds }: CronExpression, timeMs: number): number {
  for (const hour of hours) {
    const hourMs = hour * HOUR_MS;
    if (hourMs + HOUR_MS <= timeMs) continue;
    for (const minute of minutes) {
      const minuteMs = hourMs + minute * MINUTE_MS;
      if (minuteMs + MINUTE_MS <= timeMs) continue;
      for (const second of seconds) {
        const secondMs = minuteMs + second * SECOND_MS;
        if (secondMs >= timeMs) return secondMs;
      }
    }
  }
  return Number.POSITIVE_INFINITY;
}
