import { putBounded } from '../bounded-map.ts';
import { type CronExpression, parseCron } from './cron.ts';
import { describeCron } from './cron-description.ts';
import { nextCronInstants } from './cron-instants.ts';
import { offsetMsAt } from './time-zone.ts';

/** When something should happen. */
export type Timing =
  | { readonly kind: 'cron'; readonly expression: string }
  | { readonly kind: 'once'; readonly at: Date }
  /** At `anchor` and every `seconds` (1–31,536,000, whole) of real time after it. */
  | { readonly kind: 'interval'; readonly seconds: number; readonly anchor: Date };

const LATEST_MS = 8.64e15;

/** An entry is about 1 KiB. */
const MAX_CACHED = 2_000;
const expressions = new Map<string, CronExpression>();
const descriptions = new Map<string, string>();

/**
 * The next instants of a timing, strictly after `after`, earliest first; fewer than `count`, possibly none,
 * if no more are left (for a cron expression: within 28 years, see `nextCronInstants`).
 * @param until the last instant of interest; later ones are not computed
 * @throws {CronSyntaxError} when the expression is faulty
 * @throws {RangeError} when there is no such zone (cron only), or `after` is not a valid date
 */
export function nextInstants(
  timing: Timing,
  timezone: string,
  after: Date,
  count: number,
  until: Date = new Date(LATEST_MS),
): Date[] {
  if (Number.isNaN(after.getTime())) throw new RangeError('after is an invalid date; expected a valid one');
  switch (timing.kind) {
    case 'cron':
      return nextCronInstants(cachedCron(timing.expression), timezone, after, count, until);
    case 'once':
      return timing.at > after && timing.at <= until && count > 0 ? [new Date(timing.at)] : [];
    case 'interval':
      return nextIntervalInstants(timing, after.getTime(), count, until.getTime());
    default:
      return timing satisfies never;
  }
}

/** The first of {@link nextInstants}; `null` when none is left. */
export function nextInstant(timing: Timing, timezone: string, after: Date): Date | null {
  return nextInstants(timing, timezone, after, 1)[0] ?? null;
}

/**
 * Describes a timing in plain English, with 24-hour times: `At 03:30`, `Every 5 minutes`, `Once, on 30 Nov
 * 2026 at 22:00 (Europe/Berlin)`. The zone is named only with a date; a cron expression is described in its
 * own zone's time.
 * @throws {CronSyntaxError} when the expression is faulty
 * @throws {RangeError} when there is no such zone (once only)
 */
export function describeTiming(timing: Timing, timezone: string): string {
  switch (timing.kind) {
    case 'cron':
      return cachedDescription(timing.expression);
    case 'once':
      return `Once, on ${describeInstant(timing.at, timezone)} (${timezone})`;
    case 'interval':
      return describeInterval(timing.seconds);
    default:
      return timing satisfies never;
  }
}

/**
 * Fires at `anchorMs + k * stepMs`. Uses remainders, because the distance of two dates may exceed 2^53 and
 * lose digits.
 */
function nextIntervalInstants(
  { seconds, anchor }: Extract<Timing, { kind: 'interval' }>,
  afterMs: number,
  count: number,
  untilMs: number,
): Date[] {
  const [stepMs, anchorMs] = [seconds * 1_000, anchor.getTime()];
  let fireMs = anchorMs;
  if (afterMs >= anchorMs) {
    fireMs = afterMs - remainder(afterMs, stepMs) + remainder(anchorMs, stepMs);
    if (fireMs <= afterMs) fireMs += stepMs;
  }
  const instants: Date[] = [];
  for (; instants.length < count && fireMs <= untilMs; fireMs += stepMs) instants.push(new Date(fireMs));
  return instants;
}

/** Modulo: in [0, `divisor`), for negative values too. */
function remainder(value: number, divisor: number): number {
  const rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}

function describeInterval(seconds: number): string {
  if (seconds === 86_400) return 'Every 24 hours';
  const units: readonly [number, string][] = [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
  ];
  const [unitSeconds, unit] = units.find(([each]) => seconds % each === 0) ?? [1, 'second'];
  const amount = seconds / unitSeconds;
  return amount === 1 ? `Every ${unit}` : `Every ${amount.toLocaleString('en-US')} ${unit}s`;
}

function describeInstant(instant: Date, timezone: string): string {
  const wall = new Date(instant.getTime() + offsetMsAt(timezone, instant.getTime()));
  // As UTC shows it: "Mon, 30 Nov 2026 22:00:00 GMT" (ECMA-262, Date.prototype.toUTCString).
  const [, day = '', month = '', year = '', time = ''] = wall.toUTCString().split(' ');
  return `${Number(day)} ${month} ${year} at ${time.endsWith(':00') ? time.slice(0, -3) : time}`;
}

function cachedCron(expression: string): CronExpression {
  let cron = expressions.get(expression);
  if (cron === undefined) {
    cron = parseCron(expression);
    putBounded(expressions, expression, cron, MAX_CACHED);
  }
  return cron;
}

function cachedDescription(expression: string): string {
  let description = descriptions.get(expression);
  if (description === undefined) {
    description = describeCron(cachedCron(expression));
    putBounded(descriptions, expression, description, MAX_CACHED);
  }
  return description;
}
