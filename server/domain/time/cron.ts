/** A field of an expression, or the expression as a whole. */
export type CronField =
  | 'second'
  | 'minute'
  | 'hour'
  | 'day-of-month'
  | 'month'
  | 'day-of-week'
  | 'expression';

/** What a cron expression matches. Lists are sorted, free of duplicates and never empty. */
export interface CronExpression {
  /** The text as it was typed. */
  readonly source: string;
  /** `[0]` for an expression of five fields. */
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  /** January is 1. */
  readonly months: readonly number[];
  /** Sunday is 0, never 7. */
  readonly daysOfWeek: readonly number[];
  /**
   * The field is exactly `*` (or `?`). If neither day field is, a date needs to match only one of them:
   * crontab(5).
   */
  readonly isAnyDayOfMonth: boolean;
  readonly isAnyDayOfWeek: boolean;
  /**
   * Minute or hour begins with `*`: such a job follows real time across clock changes; see
   * `nextCronInstants`.
   */
  readonly followsRealTime: boolean;
  /** Whether any date matches; false for 31 February. */
  readonly isPossible: boolean;
  /** Warnings about what is allowed but may not be intended, one sentence each. */
  readonly warnings: readonly string[];
}

/** The text does not follow the grammar of {@link parseCron}. */
export class CronSyntaxError extends Error {
  readonly field: CronField;
  /** 0-based character offset of the fault in the original text. */
  readonly position: number;
  /** The faulty part, shortened to some 40 characters. */
  readonly value: string;

  constructor(field: CronField, position: number, value: string, expected: string, isWholeField = true) {
    const shown = value.length > 40 ? `${value.slice(0, 40)}…` : value;
    const subject = field === 'expression' ? 'Cron expression' : `Cron field "${field}"`;
    super(`${subject} ${isWholeField ? 'is' : 'has'} ${JSON.stringify(shown)}; expected ${expected}`);
    this.name = 'CronSyntaxError';
    this.field = field;
    this.position = position;
    this.value = shown;
  }
}

interface FieldRule {
  readonly field: CronField;
  readonly low: number;
  readonly high: number;
  /** Number of distinct values; no step may be larger. */
  readonly size: number;
  /** Names of the values from `low` on. */
  readonly names: readonly string[];
}

interface Token {
  readonly text: string;
  readonly position: number;
}

const MAX_LENGTH = 256;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const SECOND: FieldRule = { field: 'second', low: 0, high: 59, size: 60, names: [] };
const MINUTE: FieldRule = { field: 'minute', low: 0, high: 59, size: 60, names: [] };
const HOUR: FieldRule = { field: 'hour', low: 0, high: 23, size: 24, names: [] };
const DAY_OF_MONTH: FieldRule = { field: 'day-of-month', low: 1, high: 31, size: 31, names: [] };
const MONTH: FieldRule = { field: 'month', low: 1, high: 12, size: 12, names: MONTHS };
const DAY_OF_WEEK: FieldRule = { field: 'day-of-week', low: 0, high: 7, size: 7, names: WEEKDAYS };

/** Source: crontab(5), "extensions"; without `@reboot`, which is not a time. */
const MACROS = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/**
 * Reads a cron expression, by the strict grammar of cronie and OCPS 1.0: five fields (minute, hour, day of month,
 * month, day of week), or six with seconds in front, or a macro such as `@daily`. A field is a list of `*`, values
 * and ranges, the latter two of names as well (`jan`, `sun`), `*` and ranges with a step (`9-17/2`). Case does not
 * matter; 0 and 7 are Sunday; blanks and tabs separate. A day field may also be `?`, which means `*`.
 *
 * Refused because programs read it differently: `5/15` (say `5-59/15`), ranges that wrap around (but `fri-sun` is
 * good), steps larger than the field, full names, `L`, `W`, `#`, `H`, years, `@reboot`.
 * @throws {CronSyntaxError}
 */
export function parseCron(text: string): CronExpression {
  if (text.length > MAX_LENGTH) {
    throw new CronSyntaxError('expression', MAX_LENGTH, text, `at most ${MAX_LENGTH} characters`);
  }
  const stray = /[^\t -~]/u.exec(text);
  if (stray) {
    throw new CronSyntaxError(
      'expression',
      stray.index,
      stray[0],
      'plain ASCII characters, blanks and tabs',
      false,
    );
  }
  const tokens = splitTokens(text);
  const [first] = tokens;
  if (first?.text.startsWith('@')) return { ...parseFields(splitTokens(expandMacro(tokens))), source: text };
  checkFieldCount(tokens, text);
  return { ...parseFields(tokens), source: text };
}

function splitTokens(text: string): Token[] {
  return Array.from(text.matchAll(/[^ \t]+/g), (match) => ({ text: match[0], position: match.index }));
}

function expandMacro([macro, extra]: readonly Token[]): string {
  const expansion = MACROS.get(macro?.text.toLowerCase() ?? '');
  if (!macro || expansion === undefined) {
    throw new CronSyntaxError(
      'expression',
      macro?.position ?? 0,
      macro?.text ?? '',
      `one of ${[...MACROS.keys()].join(', ')}`,
    );
  }
  if (extra) {
    throw new CronSyntaxError(
      'expression',
      extra.position,
      extra.text,
      `nothing after "${macro.text}"`,
      false,
    );
  }
  return expansion;
}

function checkFieldCount(tokens: readonly Token[], text: string): void {
  const [first] = tokens;
  const seventh = tokens[6];
  const expected = '5 fields (minute hour day-of-month month day-of-week), or 6 with seconds first';
  if (first && /^(?:CRON_)?TZ=/i.test(first.text)) {
    const hint = 'no time zone here: it is set beside the expression';
    throw new CronSyntaxError('expression', first.position, first.text, hint, false);
  }
  if (seventh) {
    const hint = `${expected}; years are not supported`;
    throw new CronSyntaxError('expression', seventh.position, seventh.text, hint, false);
  }
  if (tokens.length < 5) throw new CronSyntaxError('expression', text.trimEnd().length, text, expected);
}

function parseFields(tokens: readonly Token[]): Omit<CronExpression, 'source'> {
  const warnings: string[] = [];
  const noToken = { text: '0', position: 0 };
  const [
    second = noToken,
    minute = noToken,
    hour = noToken,
    dayOfMonth = noToken,
    month = noToken,
    dayOfWeek = noToken,
  ] = tokens.length === 5 ? [noToken, ...tokens] : tokens;
  const fields = {
    seconds: parseField(SECOND, second, warnings),
    minutes: parseField(MINUTE, minute, warnings),
    hours: parseField(HOUR, hour, warnings),
    daysOfMonth: parseField(DAY_OF_MONTH, dayOfMonth, warnings),
    months: parseField(MONTH, month, warnings),
    daysOfWeek: parseField(DAY_OF_WEEK, dayOfWeek, warnings),
  };
  const isAnyDayOfMonth = isAny(dayOfMonth);
  const isAnyDayOfWeek = isAny(dayOfWeek);
  const isEither = !isAnyDayOfMonth && !isAnyDayOfWeek;
  if (isEither && (dayOfMonth.text.startsWith('*') || dayOfWeek.text.startsWith('*'))) {
    warnings.push(
      `Fires when either day-of-month "${dayOfMonth.text}" or day-of-week "${dayOfWeek.text}" matches; cronie wants both here.`,
    );
  }
  return {
    ...fields,
    isAnyDayOfMonth,
    isAnyDayOfWeek,
    followsRealTime: minute.text.startsWith('*') || hour.text.startsWith('*'),
    isPossible:
      isEither ||
      isAnyDayOfMonth ||
      fields.months.some((each) => Number(fields.daysOfMonth[0]) <= daysInMonth(2000, each)),
    warnings,
  };
}

function isAny(token: Token): boolean {
  return token.text === '*' || token.text === '?';
}

function parseField(rule: FieldRule, token: Token, warnings: string[]): readonly number[] {
  const values = new Set<number>();
  const isDayField = rule === DAY_OF_MONTH || rule === DAY_OF_WEEK;
  const text = isDayField && token.text === '?' ? '*' : token.text;
  let position = token.position;
  for (const item of text.split(',')) {
    parseItem(rule, { text: item, position }, text, values, warnings);
    position += item.length + 1;
  }
  return [...values].sort((a, b) => a - b);
}

/** Adds the values of one list item: `*`, a value or a range; `*` and ranges may have a step. */
function parseItem(
  rule: FieldRule,
  item: Token,
  fieldText: string,
  values: Set<number>,
  warnings: string[],
): void {
  const fail = (part: string, expected: string, position = item.position): never => {
    throw new CronSyntaxError(rule.field, position, part, expected, part === fieldText);
  };
  const [range = '', stepText, ...moreSteps] = item.text.split('/');
  const [fromText = '', toText, ...moreEnds] = range.split('-');
  if (item.text === '' || moreSteps.length > 0 || moreEnds.length > 0) fail(item.text, describeRule(rule));

  const readValue = (part: string, position: number): number => {
    const name = rule.names.indexOf(part.toLowerCase());
    const value = name >= 0 ? rule.low + name : /^\d+$/.test(part) ? Number(part) : Number.NaN;
    if (value >= rule.low && value <= rule.high) return value;
    return fail(part === '' ? item.text : part, hintFor(rule, part), part === '' ? item.position : position);
  };
  const isStar = range === '*';
  const last = rule.low + rule.size - 1;
  const from = isStar ? rule.low : readValue(fromText, item.position);
  const typedTo = isStar
    ? last
    : toText === undefined
      ? from
      : readValue(toText, item.position + fromText.length + 1);
  // 0 and 7 are both Sunday: at the end of a range it is the one after Saturday.
  const to = rule === DAY_OF_WEEK && typedTo === 0 && from > 0 ? 7 : typedTo;
  if (from > to) {
    const split = from > last ? span(rule.low, to) : `${span(from, last)},${span(rule.low, to)}`;
    fail(item.text, `a range that goes up${stepText === undefined ? `; say "${split}"` : ''}`);
  }
  const step = stepText === undefined ? 1 : /^\d+$/.test(stepText) ? Number(stepText) : 0;
  if (step < 1 || step > rule.size) {
    const hint = `a step of 1–${rule.size} after "/"${step > rule.size ? '; for more, use an interval' : ''}`;
    if (stepText) fail(stepText, hint, item.position + range.length + 1);
    fail(item.text, hint);
  }
  if (stepText !== undefined && !isStar && toText === undefined) {
    const start = from > last ? rule.low : from;
    fail(item.text, `a range before the step; say "${start}-${last}/${step}"`);
  }
  if (step > 1 && step > to - from) {
    warnings.push(`"${item.text}" in ${rule.field} matches ${from} only: the step is as large as the range.`);
  }
  for (let value = from; value <= to; value += step) values.add(rule === DAY_OF_WEEK ? value % 7 : value);
}

function span(from: number, to: number): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

function describeRule({ low, high, names }: FieldRule): string {
  const orNames = names.length > 0 ? `, ${names[0]}–${names.at(-1)}` : '';
  return `${low}–${high}${orNames}, a range, a list, a step or "*"`;
}

function hintFor(rule: FieldRule, part: string): string {
  if (part === '?') return `${describeRule(rule)} ("?" only stands alone, in a day field)`;
  if (/[#~]/.test(part) || /^(?:\d*[LWH]|LW|H\(.*\)|[a-z]{3}L)$/i.test(part)) {
    return `${describeRule(rule)} ("L", "W", "#", "H" and "~" are not supported)`;
  }
  const shortName = rule.names.find((name) => part.length > 3 && part.toLowerCase().startsWith(name));
  if (shortName) return `the three-letter name "${shortName}"`;
  return describeRule(rule);
}

/** @param month January is 1 */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
