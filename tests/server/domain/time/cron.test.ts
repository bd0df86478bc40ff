import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CronSyntaxError, parseCron } from '../../../../server/domain/time/cron.ts';
import { nextCronInstants } from '../../../../server/domain/time/cron-instants.ts';
import { offsetSpanAt } from '../../../../server/domain/time/time-zone.ts';
import { oracleInstants, walkClock } from '../../../support/cron-oracle.ts';

interface Row {
  readonly id?: string;
  readonly source?: string;
  readonly expr: string;
  readonly tz?: string;
  readonly from?: string;
  readonly next?: readonly string[];
  readonly not_next?: string;
  readonly valid?: boolean;
  readonly expected?: readonly string[];
  readonly expected_best?: readonly string[];
  readonly equivalent?: string;
  readonly topic?: string;
  readonly answers?: Readonly<Record<string, readonly string[] | string>>;
}

function readRows(file: string): readonly Row[] {
  const url = new URL(`../../../fixtures/cron/${file}.jsonl`, import.meta.url);
  return readFileSync(url, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function isAccepted(expression: string): boolean {
  try {
    parseCron(expression);
    return true;
  } catch (error) {
    if (error instanceof CronSyntaxError) return false;
    throw error;
  }
}

function fires(row: Row, count: number): string[] {
  const { expr, tz = 'UTC', from = '' } = row;
  return nextCronInstants(parseCron(expr), tz, new Date(from), count).map((instant) => instant.toISOString());
}

/** What is wrong with our answer to a row, in words; `null` when it is right. */
function faultOf(row: Row, wanted: readonly string[] | undefined): string | null {
  const fault = (got: unknown, want: unknown) =>
    JSON.stringify(got) === JSON.stringify(want)
      ? null
      : `${row.expr} in ${row.tz} from ${row.from}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`;
  try {
    if (row.valid !== undefined) return fault(isAccepted(row.expr), row.valid);
    if (row.not_next) {
      const forbidden = new Date(row.not_next).toISOString();
      return fires(row, 1)[0] === forbidden ? `${row.expr} fires at ${forbidden}` : null;
    }
    const want = wanted?.map((instant) => new Date(instant).toISOString());
    return fault(fires(row, Math.max(want?.length ?? 1, 1)), want);
  } catch (error) {
    return `${row.expr}: ${error}`;
  }
}

function faultsOf(rows: readonly Row[], wanted: (row: Row) => readonly string[] | undefined): string[] {
  return rows.map((row) => faultOf(row, wanted(row))).filter((fault) => fault !== null);
}

describe('cron cases of other suites', () => {
  it.each([
    ['standard5', 249],
    ['generated5', 150],
    ['generated_monthend', 200],
    ['validity_own', 33],
  ])('agrees with every row of %s', (file, count) => {
    const rows = readRows(file);

    expect(faultsOf(rows, (row) => row.next)).toEqual([]);
    expect(rows).toHaveLength(count);
  });

  it('answers every row around clock changes by the rule of cronie', () => {
    const grid = readRows('dst_grid');
    const suites = readRows('dst_suites');

    expect(faultsOf(grid, (row) => row.expected)).toEqual([]);
    expect(faultsOf(suites, (row) => row.expected_best)).toEqual([]);
    expect([grid.length, suites.length]).toEqual([187, 45]);
  });

  it('reads every pair of equivalent rows alike', () => {
    const rows = readRows('equivalent');
    const matchesOf = (expression: string) => ({ ...parseCron(expression), source: '' });

    const faults = rows.filter(({ expr, equivalent = '' }) => {
      const { followsRealTime: _, ...one } = matchesOf(expr);
      const { followsRealTime: __, ...other } = matchesOf(equivalent);
      return JSON.stringify(one) !== JSON.stringify(other);
    });

    expect(faults).toEqual([]);
    expect(rows).toHaveLength(15);
  });

  it('settles every disputed row as recommended', () => {
    const rows = readRows('disputed');

    const faults = rows.map((row) => disputedFault(row)).filter((fault) => fault !== null);

    expect(faults).toEqual([]);
    expect(rows).toHaveLength(107);
  });

  it('agrees with every row of seconds6 that is in its dialect', () => {
    const rows = readRows('seconds6');
    const inDialect = rows.filter((row) => !isOtherDialect(row));
    const plain = inDialect.filter((row) => !crossesClockChange(row));
    const acrossChange = inDialect.filter(crossesClockChange);

    expect(faultsOf(plain, (row) => row.next)).toEqual([]);
    expect(acrossChange.map(literalFault).filter((fault) => fault !== null)).toEqual([]);
    expect([rows.length, plain.length, acrossChange.length]).toEqual([145, 109, 9]);
  });
});

describe('parseCron', () => {
  it.each([
    ['@midnight', '0 0 * * *'],
    ['@Annually', '0 0 1 1 *'],
    [' \t@HOURLY ', '0 * * * *'],
    ['\t 5  4\t* * SUN ', '5 4 * * 0'],
    ['0 0 * * fri-sun', '0 0 * * 5,6,0'],
    ['0 0 * * 5-0', '0 0 * * 5,6,7'],
    ['0 0 * * fri-sun/2', '0 0 * * 5,7'],
    ['0 0 ? jan,Mar-MAY *', '0 0 * 1,3,4,5 *'],
    ['* * * * 0-7', '* * * * 0-6'],
    ['0 1 2 3 *', '0 0 1 2 3 *'],
  ])('reads %j as %j', (one, other) => {
    expect(parseCron(one)).toEqual({ ...parseCron(other), source: one });
  });

  it.each([
    [
      '0 25 * * *',
      'hour',
      2,
      '25',
      'Cron field "hour" is "25"; expected 0–23, a range, a list, a step or "*"',
    ],
    ['0  1,25,3 * * *', 'hour', 5, '25', 'Cron field "hour" has "25"; expected 0–23'],
    ['60 * * * *', 'minute', 0, '60', 'expected 0–59'],
    [' 70 * * * * *', 'second', 1, '70', 'expected 0–59'],
    ['0 0 1-32 * *', 'day-of-month', 6, '32', 'expected 1–31'],
    ['0 0 * foo *', 'month', 6, 'foo', 'expected 1–12, jan–dec'],
    ['0 0 * * 1,8', 'day-of-week', 10, '8', 'expected 0–7, sun–sat'],
    ['0 0 * * friday', 'day-of-week', 8, 'friday', 'expected the three-letter name "fri"'],
    ['0 0 mon * *', 'day-of-month', 4, 'mon', 'expected 1–31'],
    ['1,,2 * * * *', 'minute', 2, '', 'Cron field "minute" has ""'],
    ['1, * * * *', 'minute', 2, '', 'expected 0–59'],
    ['-5 * * * *', 'minute', 0, '-5', 'expected 0–59'],
    ['1-2-3 * * * *', 'minute', 0, '1-2-3', 'expected 0–59'],
    ['*5 * * * *', 'minute', 0, '*5', 'expected 0–59'],
    ['*/0 * * * *', 'minute', 2, '0', 'expected a step of 1–60 after "/"'],
    ['0 */25 * * *', 'hour', 4, '25', 'a step of 1–24 after "/"; for more, use an interval'],
    ['*/ * * * *', 'minute', 0, '*/', 'a step of 1–60'],
    ['5/15 * * * *', 'minute', 0, '5/15', 'say "5-59/15"'],
    ['0 0 * * mon/2', 'day-of-week', 8, 'mon/2', 'say "1-6/2"'],
    ['0 22-2 * * *', 'hour', 2, '22-2', 'say "22-23,0-2"'],
    ['0 0 * * 6-1', 'day-of-week', 8, '6-1', 'say "6,0-1"'],
    ['0 0 * * 7-3', 'day-of-week', 8, '7-3', 'say "0-3"'],
    ['0 0 L * *', 'day-of-month', 4, 'L', 'are not supported'],
    ['0 0 15W * *', 'day-of-month', 4, '15W', 'are not supported'],
    ['0 0 * * 5#3', 'day-of-week', 8, '5#3', 'are not supported'],
    ['0 0 * * friL', 'day-of-week', 8, 'friL', 'are not supported'],
    ['H * * * *', 'minute', 0, 'H', 'are not supported'],
    ['? * * * *', 'minute', 0, '?', 'only stands alone, in a day field'],
    ['0 0 ?,1 * *', 'day-of-month', 4, '?', 'only stands alone'],
    ['', 'expression', 0, '', 'Cron expression is ""; expected 5 fields'],
    ['* * * *  ', 'expression', 7, '* * * *  ', 'expected 5 fields'],
    ['0 0 0 1 1 * 2027', 'expression', 12, '2027', 'years are not supported'],
    [' @reboot', 'expression', 1, '@reboot', 'expected one of @yearly, @annually, @monthly'],
    ['@every 5m', 'expression', 0, '@every', 'expected one of @yearly'],
    ['@daily *', 'expression', 7, '*', 'expected nothing after "@daily"'],
    ['CRON_TZ=UTC 0 0 * * *', 'expression', 0, 'CRON_TZ=UTC', 'no time zone here'],
    ['0 0 * * *\n', 'expression', 9, '\n', 'plain ASCII'],
    ['0 0 * * *\u0000', 'expression', 9, '\u0000', 'plain ASCII'],
    ['0 0 * * \uff10', 'expression', 8, '\uff10', 'plain ASCII'],
    ['0\u00a00 * * *', 'expression', 1, '\u00a0', 'plain ASCII'],
  ])('refuses %j and says where and why', (text, field, position, value, message) => {
    const parse = () => parseCron(text);

    expect(parse).toThrow(CronSyntaxError);
    expect(parse).toThrow(
      expect.objectContaining({ field, position, value, message: expect.stringContaining(message) }),
    );
  });

  it.each([
    ['a text of 1 MB', '*'.repeat(1_000_000)],
    ['100,000 fields', '* '.repeat(100_000)],
    ['thousands of commas', `${','.repeat(10_000)} * * * *`],
    ['a list as long as allowed', `${'1,'.repeat(123)} * * * *`],
    ['a number as long as allowed', `${'9'.repeat(247)} * * * *`],
    ['many dashes', `${'-'.repeat(240)} * * * *`],
    ['many slashes', `${'*/'.repeat(120)} * * * *`],
    ['a huge step', '*/99999999999999999999 * * * *'],
    ['an exponent', '1e1 * * * *'],
  ])('refuses %s with a short message', (_, text) => {
    const parse = () => parseCron(text);

    expect(parse).toThrow(CronSyntaxError);
    expect(parse).toThrow(/^.{1,250}$/);
  });

  it('takes 256 characters, and points at the first one too many', () => {
    const text = '* * * * *'.padEnd(256);

    expect(parseCron(text).minutes).toHaveLength(60);
    expect(() => parseCron(`${text} `)).toThrow(expect.objectContaining({ position: 256 }));
  });

  it('warns of a step that matches one value only and of day fields that other crons read as "and"', () => {
    expect(parseCron('*/60 * * * *').warnings).toEqual([
      '"*/60" in minute matches 0 only: the step is as large as the range.',
    ]);
    expect(parseCron('0 0 */10 * sun').warnings).toEqual([
      'Fires when either day-of-month "*/10" or day-of-week "sun" matches; cronie wants both here.',
    ]);
    expect(parseCron('*/15 9-17/2 1 * mon').warnings).toEqual([]);
  });
});

/** `recommend` of each topic in disputed.jsonl. */
function disputedFault(row: Row): string | null {
  const refuse = () => (isAccepted(row.expr) ? `${row.expr} is accepted` : null);
  switch (row.topic) {
    case 'start-slash-step': // Either expand or refuse; we refuse.
    case 'macro-beyond-standard':
    case 'wraparound-range':
    case 'oversized-step-wraps':
    case 'full-names':
    case 'negative-day-of-month':
    case 'hour-24':
    case 'fewer-than-5-fields':
      return refuse();
    case 'question-mark':
      return faultOf(row, row.next);
    case '7-as-end-of-range': // The suite's own `next` leaves Sunday out.
      return faultOf(row, answerOf(row, 'croniter'));
    case 'day-fields OR vs AND':
    case 'day-fields-star-step (AND or OR)':
      if (row.valid !== undefined) return isAccepted(row.expr) ? null : `${row.expr} is refused`;
      return faultOf(row, answerOf(row, 'robfig'));
    case 'impossible-date': {
      const parsed = parseCron(row.expr);
      return nextCronInstants(parsed, 'UTC', new Date(0), 1).length === 0 ? null : `${row.expr} fires`;
    }
    case 'step-larger-than-range':
      return parseCron(row.expr).warnings.length === 1 ? null : `${row.expr} has no warning`;
    case 'degenerate-range a-a':
      return JSON.stringify(parseCron(row.expr).daysOfWeek) === '[0]' ? null : `${row.expr} is not Sunday`;
    case 'duplicate-values':
      return isAccepted(row.expr) ? null : `${row.expr} is refused`;
    default:
      return `${row.topic} is an unknown topic`;
  }
}

/** What a program that does as recommended answers; where it says what the suite says, there is no such entry. */
function answerOf(row: Row, program: string): readonly string[] | undefined {
  const answer = row.answers?.[program];
  return typeof answer === 'object' ? answer : row.next;
}

/**
 * Rows for which an expression means something else in their suite: `?` outside the day fields, `L`, `W`, `#`, `H`,
 * and `a/n`, all of which we refuse; and values given twice, which we accept.
 */
function isOtherDialect({ expr, valid }: Row): boolean {
  const fields = expr.split(/\s+/);
  const isSteppedValue = fields.some((field) => /(?:^|,)[^*,/-]+\//.test(field));
  const hasExtension = /[#H]|\bL\b|\dW/.test(expr) || [0, 1, 2, 4].some((index) => fields[index] === '?');
  const hasDoubles = fields.some((field) => new Set(field.split(',')).size < field.split(',').length);
  return valid === false ? hasDoubles : isSteppedValue || hasExtension;
}

/** The suites of seconds6 have rules of their own for clock changes. */
function crossesClockChange({ tz, from, next }: Row): boolean {
  if (tz === undefined || from === undefined || !next?.length) return false;
  const lastMs = Date.parse(next.at(-1) ?? from);
  for (let span = offsetSpanAt(tz, Date.parse(from)); span.endMs <= lastMs; ) {
    const following = offsetSpanAt(tz, span.endMs);
    if (following.offsetMs !== span.offsetMs) return true;
    span = following;
  }
  return false;
}

/** Holds our answer against the literal rule, over the next two days. */
function literalFault(row: Row): string | null {
  const fromMs = Date.parse(row.from ?? '');
  const untilMs = fromMs + 2 * 86_400_000;
  const walk = walkClock(
    row.tz ?? '',
    fromMs - 21_600_000,
    untilMs,
    row.expr.startsWith('0 ') ? 60_000 : 1_000,
  );
  const literal = oracleInstants(row.expr.replaceAll('?', '*'), walk).filter((ms) => ms > fromMs);
  const want = literal.slice(0, 10).map((ms) => new Date(ms).toISOString());
  const got = fires(row, 10).filter((instant) => Date.parse(instant) <= untilMs);
  return JSON.stringify(got) === JSON.stringify(want)
    ? null
    : `${row.expr} in ${row.tz} from ${row.from}: ${got}, not ${want}`;
}
