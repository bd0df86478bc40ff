import cronstrue from 'cronstrue';
import type { CronExpression } from './cron.ts';

/** Up to so many times of day are listed one by one. */
const MAX_LISTED_TIMES = 6;

/** Steps of fewer values read better as a list, and a list cannot be misread where the step does not come out even. */
const MIN_STEPPED_VALUES = 6;

/**
 * What an expression means, in English, e.g. `At 03:30, Monday through Friday`. Made from what it matches and not
 * from its text, so all spellings read alike. The words are cronstrue's, except where those would mislead: uneven
 * steps (`*` `/45` is not every 45 minutes), scattered hours or minutes, and the two day fields, of which either matches.
 */
export function describeCron(expr: CronExpression): string {
  return `${describeTimes(expr)}${describeDays(expr)}`;
}

function describeTimes({ hours, minutes, seconds }: CronExpression): string {
  if (hours.length < 24 && hours.length * minutes.length * seconds.length <= MAX_LISTED_TIMES) {
    const times = hours.flatMap((hour) =>
      minutes.flatMap((minute) => seconds.map((second) => timeOfDay(hour, minute, second))),
    );
    return `At ${joinWords(times)}`;
  }
  const secondField = steppedField(seconds, 0, 59);
  const minuteField = steppedField(minutes, 0, 59);
  const hourField = steppedField(hours, 0, 23);
  const isOncePerHour = seconds.length === 1 && minutes.length === 1;
  if (isOncePerHour && hourField.includes('/'))
    return say(`${secondField} ${minuteField} ${hourField} * * *`);

  if (seconds.length === 1) return say(`${secondField} ${minuteField} * * * *`) + hoursPhrase(hours, minutes);
  const minutesPhrase =
    minuteField === '*' ? '' : `, in ${spansPhrase('minute', minutes, String)} of the hour`;
  return say(`${secondField} * * * * *`) + minutesPhrase + hoursPhrase(hours, minutes);
}

function hoursPhrase(hours: readonly number[], minutes: readonly number[]): string {
  if (hours.length === 24) return '';
  const [first = 0] = hours;
  const last = hours.at(-1) ?? first;
  if (last - first + 1 > hours.length) return `, in ${spansPhrase('hour', hours, twoDigits)}`;
  const isOnTheHour = minutes.length === 1 && minutes[0] === 0;
  return `, between ${twoDigits(first)}:00 and ${twoDigits(last)}:${isOnTheHour ? '00' : '59'}`;
}

function describeDays(expr: CronExpression): string {
  const dayOfMonth = expr.daysOfMonth.length === 31 ? '*' : steppedDays(expr.daysOfMonth);
  const dayOfWeek = expr.daysOfWeek.length === 7 ? '*' : listField(sundayLast(expr.daysOfWeek));
  const month = expr.months.length === 12 ? '*' : listField(expr.months);
  if (expr.isAnyDayOfMonth || expr.isAnyDayOfWeek) return sayDays(`${dayOfMonth} ${month} ${dayOfWeek}`);
  if (dayOfMonth === '*' || dayOfWeek === '*') return sayDays(`* ${month} *`);
  const either = sayDays(`${dayOfMonth} * *`).replace(/^, /, '');
  const or = sayDays(`* * ${dayOfWeek}`).replace(/^, (?:only )?(?:on )?/, 'on ');
  return `, either ${either} or ${or}${sayDays(`* ${month} *`)}`;
}

/** The words for the last three fields, with a comma in front; empty for every day. */
function sayDays(fields: string): string {
  return say(`0 0 ${fields}`)
    .replace(/^At 00:00/, '')
    .replace(/on day (?=\d+(?: through|,| and))/, 'on days ')
    .replace(/ in a month, between day (\d{1,2}) and (\d{1,2})/, ' from day $1 to day $2');
}

function say(expression: string): string {
  return cronstrue.toString(expression, { use24HourTimeFormat: true });
}

/** The shortest field that matches `values` and that cronstrue puts into true words. */
function steppedField(values: readonly number[], low: number, high: number): string {
  const size = high - low + 1;
  if (values.length === size) return '*';
  const step = stepOf(values);
  if (step > 0 && values[0] === low && step * values.length === size) return `*/${step}`;
  return step > 1 && values.length >= MIN_STEPPED_VALUES
    ? `${values[0]}-${values.at(-1)}/${step}`
    : listField(values);
}

function steppedDays(days: readonly number[]): string {
  const step = stepOf(days);
  return step > 1 && days.length >= MIN_STEPPED_VALUES
    ? `${days[0]}-${days.at(-1)}/${step}`
    : listField(days);
}

/** The distance between neighbours where it is always the same one, otherwise 0. */
function stepOf([first = 0, second = first, ...rest]: readonly number[]): number {
  const step = second - first;
  return rest.every((value, index) => value === second + (index + 1) * step) ? step : 0;
}

function listField(values: readonly number[]): string {
  return spansOf(values)
    .map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    .join(',');
}

/** A weekend reads as Saturday and Sunday: 7 instead of 0 where Saturday is among the days. */
function sundayLast(days: readonly number[]): readonly number[] {
  return days.includes(0) && days.includes(6) ? [...days.slice(1), 7] : days;
}

/** Runs of three or more neighbours as `[first, last]`, all else one by one. */
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

function spansPhrase(noun: string, values: readonly number[], show: (value: number) => string): string {
  const words = spansOf(values).map(([from, to]) => (from === to ? show(from) : `${show(from)}–${show(to)}`));
  return `${noun}${values.length === 1 ? '' : 's'} ${joinWords(words)}`;
}

function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function timeOfDay(hour: number, minute: number, second: number): string {
  return `${twoDigits(hour)}:${twoDigits(minute)}${second === 0 ? '' : `:${twoDigits(second)}`}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
