import type { CronExpression } from './cron.ts';

/** At most this many times of day are listed one by one. */
const MAX_LISTED_TIMES = 6;

/** A step with fewer values reads better as a list, and a list cannot be misread where the step is uneven. */
const MIN_STEPPED_VALUES = 6;

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** "03:00, 04:00 and 05:00": a list of times and hours. */
const TIMES = new Intl.ListFormat('en-GB');
/** "1, 2, and 3 through 5": a list whose items may be phrases. */
const PHRASES = new Intl.ListFormat('en-US');

/**
 * What an expression means, in English, e.g. `At 03:30, Monday through Friday`. Derived from the matching values rather than
 * from the text, so all spellings of a schedule read alike, and uneven steps (`*` `/45` is not every 45 minutes) read as what
 * they are.
 */
export function describeCron(expr: CronExpression): string {
  const sentence = [...timePhrases(expr), ...dayPhrases(expr)].join(', ');
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
}

function timePhrases({ hours, minutes, seconds }: CronExpression): string[] {
  if (hours.length < 24 && hours.length * minutes.length * seconds.length <= MAX_LISTED_TIMES) {
    const times = hours.flatMap((hour) =>
      minutes.flatMap((minute) => seconds.map((second) => timeOfDay(hour, minute, second))),
    );
    return [`at ${TIMES.format(times)}`];
  }
  if (seconds.length > 1) {
    const inMinutes = minutes.length < 60 ? [`in ${spansPhrase('minute', minutes, String)} of the hour`] : [];
    return [...unitPhrases('second', seconds), ...inMinutes, ...hourPhrases(hours, false)];
  }
  const isOnTheMinute = seconds[0] === 0;
  const second = isOnTheMinute ? [] : unitPhrases('second', seconds);
  if (minutes.length === 60)
    return [...(isOnTheMinute ? ['every minute'] : second), ...hourPhrases(hours, false)];
  const isOnTheHour = isOnly(minutes, 0);
  const minute = isOnTheHour ? ['on the hour'] : unitPhrases('minute', minutes);
  const step = minutes.length === 1 ? steppedBy(hours) : 0;
  if (step > 0) {
    const span = isWholeRange(hours, step, 24) ? [] : [hourRange(hours, isOnTheHour)];
    return [...second, ...minute, `every ${step} hours`, ...span];
  }
  if (isOnTheHour && isOnTheMinute) return ['every hour', ...hourPhrases(hours, true)];
  return [...second, ...minute, ...hourPhrases(hours, isOnTheHour)];
}

/** Which seconds of the minute, or minutes of the hour. */
function unitPhrases(unit: 'second' | 'minute', values: readonly number[]): string[] {
  const whole = unit === 'second' ? 'minute' : 'hour';
  if (values.length === 60) return [`every ${unit}`];
  const range = `${unit}s ${values[0]} through ${values.at(-1)} past the ${whole}`;
  const step = stepOf(values);
  if (isWholeRange(values, step, 60)) return [`every ${step} ${unit}s`];
  if (steppedBy(values) > 0) return [`every ${step} ${unit}s`, range];
  if (isOneSpan(values)) return [range];
  return [`at ${listPhrase(values, String)} ${unit}${isOnly(values, 1) ? '' : 's'} past the ${whole}`];
}

/** @param isOnTheHour nothing happens between the full hours */
function hourPhrases(hours: readonly number[], isOnTheHour: boolean): string[] {
  if (hours.length === 24) return [];
  const isContiguous = hours.length === 1 || stepOf(hours) === 1;
  return [isContiguous ? hourRange(hours, isOnTheHour) : `in ${spansPhrase('hour', hours, twoDigits)}`];
}

function hourRange(hours: readonly number[], isOnTheHour: boolean): string {
  const [first = 0] = hours;
  return `between ${twoDigits(first)}:00 and ${twoDigits(hours.at(-1) ?? first)}:${isOnTheHour ? '00' : '59'}`;
}

function dayPhrases(expr: CronExpression): string[] {
  const monthDays = monthDayPhrase(expr.daysOfMonth);
  const weekdays = weekdayPhrase(expr.daysOfWeek);
  const months = monthPhrase(expr.months);
  const isEither = !expr.isAnyDayOfMonth && !expr.isAnyDayOfWeek;
  const days = isEither
    ? // either field may match, so one that holds every day makes the other one meaningless
      monthDays && weekdays && `either ${monthDays} or on ${weekdays}`
    : (monthDays ?? (weekdays && `${isOneSpan(sundayLast(expr.daysOfWeek)) ? '' : 'only on '}${weekdays}`));
  return [days, months].filter((phrase) => phrase !== null);
}

/** E.g. "on days 1 and 15 of the month"; null: every day. */
function monthDayPhrase(days: readonly number[]): string | null {
  const [first, last] = [days[0], days.at(-1)];
  if (days.length === 31) return null;
  if (days.length === 1) return `on day ${first} of the month`;
  const step = steppedBy(days);
  if (step > 0) return `every ${step} days from day ${first} to day ${last} of the month`;
  if (isOneSpan(days)) return `between day ${first} and ${last} of the month`;
  return `on days ${listPhrase(days, String)} of the month`;
}

/** E.g. "Monday through Friday"; null: every day. A weekend reads as Saturday and Sunday, in this order. */
function weekdayPhrase(days: readonly number[]): string | null {
  return days.length === 7 ? null : listPhrase(sundayLast(days), (day) => WEEKDAYS[day % 7] ?? '');
}

/** E.g. "only in June"; null: every month. */
function monthPhrase(months: readonly number[]): string | null {
  if (months.length === 12) return null;
  const list = listPhrase(months, (month) => MONTHS[month - 1] ?? '');
  return isOneSpan(months) ? list : `only in ${list}`;
}

function sundayLast(days: readonly number[]): readonly number[] {
  return days.includes(0) && days.includes(6) ? [...days.slice(1), 7] : days;
}

/** The step of values that read well as one: enough of them, and more than 1 apart; otherwise 0. */
function steppedBy(values: readonly number[]): number {
  const step = stepOf(values);
  return step > 1 && values.length >= MIN_STEPPED_VALUES ? step : 0;
}

/** Whether the step comes out even over the whole field, from 0 on. */
function isWholeRange(values: readonly number[], step: number, size: number): boolean {
  return step > 0 && values[0] === 0 && step * values.length === size;
}

/** The distance between neighbours where it is the same throughout, otherwise 0. */
function stepOf([first = 0, second = first, ...rest]: readonly number[]): number {
  const step = second - first;
  return rest.every((value, index) => value === second + (index + 1) * step) ? step : 0;
}

function isOnly(values: readonly number[], value: number): boolean {
  return values.length === 1 && values[0] === value;
}

function isOneSpan(values: readonly number[]): boolean {
  const spans = spansOf(values);
  return spans.length === 1 && values.length > 1;
}

/** Three or more consecutive values as `[first, last]`, everything else one by one. */
function spansOf(values: readonly number[]): [number, number][] {
  const spans: [number, number][] = [];
  for (const value of values) {
    const last = spans.at(-1);
    if (last && value === last[1] + 1) last[1] = value;
    else spans.push([value, value]);
  }
  return spans.flatMap(([from, to]): [number, number][] =>
    to === from + 1
      ? [
          [from, from],
          [to, to],
        ]
      : [[from, to]],
  );
}

function listPhrase(values: readonly number[], show: (value: number) => string): string {
  return PHRASES.format(spanWords(values, show, ' through '));
}

function spansPhrase(noun: string, values: readonly number[], show: (value: number) => string): string {
  return `${noun}${values.length === 1 ? '' : 's'} ${TIMES.format(spanWords(values, show, '–'))}`;
}

function spanWords(values: readonly number[], show: (value: number) => string, to: string): string[] {
  return spansOf(values).map(([first, last]) =>
    first === last ? show(first) : `${show(first)}${to}${show(last)}`,
  );
}

function timeOfDay(hour: number, minute: number, second: number): string {
  return `${twoDigits(hour)}:${twoDigits(minute)}${second === 0 ? '' : `:${twoDigits(second)}`}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
