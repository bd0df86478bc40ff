import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCron } from '../../../../server/domain/time/cron.ts';
import { nextCronInstants } from '../../../../server/domain/time/cron-instants.ts';
import { oracleInstants, walkClock } from '../../../support/cron-oracle.ts';

const HOUR_MS = 3_600_000;

/** Clock changes, and quiet times, at which the answers are held against the literal rule. */
const MOMENTS: readonly (readonly [zone: string, around: string])[] = [
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Antarctica/Troll', '2026-03-29T01:00:00Z'],
  ['Antarctica/Troll', '2026-10-25T01:00:00Z'],
  ['Africa/Casablanca', '2026-02-15T02:00:00Z'],
  ['Africa/Casablanca', '2026-03-22T02:00:00Z'],
  ['Europe/Dublin', '2026-03-29T01:00:00Z'],
  ['Europe/Dublin', '2026-10-25T01:00:00Z'],
  ['Asia/Kathmandu', '1985-12-31T18:30:00Z'],
  ['Asia/Kathmandu', '2026-03-01T00:00:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['America/Caracas', '2007-12-09T07:00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
];

/** A value, a range, or either `*` or a range with a step. Day of week is 0–7, but has seven values. */
function itemArbitrary(low: number, high: number): fc.Arbitrary<string> {
  const value = fc.integer({ min: low, max: high });
  const step = fc.integer({ min: 1, max: Math.min(high - low + 1, high < 8 ? 7 : 60) });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const stepped = fc.tuple(fc.oneof(range, fc.constant('*')), step).map(([span, n]) => `${span}/${n}`);
  return fc.oneof(value.map(String), range, stepped);
}

function withLists(item: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const list = fc.array(item, { minLength: 2, maxLength: 3 });
  return fc.oneof(
    fc.constant('*'),
    item,
    list.map((items) => items.join(',')),
  );
}

function fieldArbitrary(low: number, high: number): fc.Arbitrary<string> {
  return withLists(itemArbitrary(low, high));
}

function expressionOf(
  lastWeekday: number,
  toField: (item: fc.Arbitrary<string>) => fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const limits = [
    [0, 59],
    [0, 23],
    [1, 31],
    [1, 12],
    [0, lastWeekday],
  ] as const;
  return fc
    .tuple(...limits.map(([low, high]) => toField(itemArbitrary(low, high))))
    .map((fields) => fields.join(' '));
}

/** Hours at which clocks are changed, more often than others. */
const nightHour = fc.oneof(
  fieldArbitrary(0, 23),
  fc.constantFrom('0', '1', '2', '3', '23', '1,2', '0-3', '2-4/2', '0,1,23', '1-2'),
);
const often = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });
const nightExpression = fc
  .tuple(
    fieldArbitrary(0, 59),
    nightHour,
    often('*', fieldArbitrary(1, 31)),
    often('*', fieldArbitrary(0, 7)),
  )
  .map(([minute, hour, day, weekday]) => `${minute} ${hour} ${day} * ${weekday}`);
const anyExpression = expressionOf(7, withLists);

function firesBetween(expression: string, zone: string, fromMs: number, toMs: number): number[] {
  const fires: number[] = [];
  const cron = parseCron(expression);
  for (let afterMs = fromMs; ; ) {
    const page = nextCronInstants(cron, zone, new Date(afterMs), 100).map(Number);
    fires.push(...page.filter((ms) => ms <= toMs));
    const lastMs = page.at(-1);
    if (lastMs === undefined || lastMs > toMs) return fires;
    afterMs = lastMs;
  }
}

describe('nextCronInstants', () => {
  it.each(MOMENTS)('does what a walk through every minute does in %s around %s', (zone, around) => {
    const middleMs = Date.parse(around);
    const toMs = middleMs + 36 * HOUR_MS;
    const walk = walkClock(zone, middleMs - 36 * HOUR_MS, toMs, 60_000);
    const afterOffsetMs = fc.integer({ min: -6 * HOUR_MS, max: 6 * HOUR_MS });

    const property = fc.property(nightExpression, afterOffsetMs, (expression, offsetMs) => {
      const afterMs = middleMs + offsetMs;
      const literal = oracleInstants(expression, walk).filter((ms) => ms > afterMs);
      expect(firesBetween(expression, zone, afterMs, toMs)).toEqual(literal);
    });
    fc.assert(property, { numRuns: 40 });
  });

  it.each(MOMENTS.slice(0, 6))(
    'does what a walk through every second does in %s around %s',
    (zone, around) => {
      const middleMs = Date.parse(around);
      const toMs = middleMs + 3 * HOUR_MS;
      const walk = walkClock(zone, middleMs - 3 * HOUR_MS, toMs, 1_000);
      const expressionWithSeconds = fc
        .tuple(fieldArbitrary(0, 59), fieldArbitrary(0, 59), nightHour)
        .map((fields) => `${fields.join(' ')} * * *`);

      const property = fc.property(
        expressionWithSeconds,
        fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
        (expression, offsetMs) => {
          const afterMs = middleMs + offsetMs;
          const literal = oracleInstants(expression, walk).filter((ms) => ms > afterMs);
          const fires = nextCronInstants(parseCron(expression), zone, new Date(afterMs), 200).map(Number);
          expect(fires.filter((ms) => ms <= toMs)).toEqual(literal.slice(0, 200));
        },
      );
      fc.assert(property, { numRuns: 20 });
    },
  );

  it('agrees with cron-parser in UTC', () => {
    const after = fc.date({ min: new Date('1990-01-01'), max: new Date('2090-01-01'), noInvalidDate: true });
    // cron-parser refuses a value that is given twice and days that no month has.
    const expression = expressionOf(6, (item) => fc.oneof(fc.constant('*'), item)).filter(
      (text) => parseCron(text).isPossible,
    );

    const property = fc.property(expression, after, (text, currentDate) => {
      const ours = nextCronInstants(parseCron(text), 'UTC', currentDate, 5);
      const theirs = CronExpressionParser.parse(text, { currentDate, tz: 'UTC' }).take(5);
      expect(ours).toEqual(theirs.map((date) => date.toDate()));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('gives instants that rise, come after the one asked for, and do not depend on how many are asked for', () => {
    const zone = fc.constantFrom(...MOMENTS.map(([name]) => name), 'UTC', 'Asia/Gaza', 'Africa/Cairo');
    const after = fc.date({ min: new Date('1900-01-01'), max: new Date('2150-01-01'), noInvalidDate: true });

    const property = fc.property(
      fc.oneof(anyExpression, nightExpression),
      zone,
      after,
      (expression, name, start) => {
        const cron = parseCron(expression);
        const fires = nextCronInstants(cron, name, start, 8);
        let previous = start;
        for (const fire of fires) {
          expect(fire.getTime()).toBeGreaterThan(previous.getTime());
          expect(nextCronInstants(cron, name, previous, 1)).toEqual([fire]);
          expect(nextCronInstants(cron, name, new Date(fire.getTime() - 1), 1)).toEqual([fire]);
          previous = fire;
        }
      },
    );
    fc.assert(property, { numRuns: 150 });
  });

  it('gives none for a date that does not exist', () => {
    for (const expression of ['0 0 31 2 *', '* * 30 2 *', '0 0 31 4,6,9,11 *', '* * * 31 11 *']) {
      expect(nextCronInstants(parseCron(expression), 'Europe/Berlin', new Date(0), 3)).toEqual([]);
    }
  });

  it('finds 29 February over the eight years around 2100', () => {
    const fires = nextCronInstants(parseCron('0 12 29 2 *'), 'Europe/Berlin', new Date('2095-01-01'), 2);

    expect(fires).toEqual([new Date('2096-02-29T11:00:00Z'), new Date('2104-02-29T11:00:00Z')]);
  });

  it('gives what is left within 28 years, and none beyond the last date there is', () => {
    const leapDays = nextCronInstants(parseCron('0 0 29 2 *'), 'UTC', new Date('2026-01-01'), 100);

    expect(leapDays.map((fire) => fire.getUTCFullYear())).toEqual([2028, 2032, 2036, 2040, 2044, 2048, 2052]);
    for (const zone of ['Asia/Tokyo', 'America/New_York', 'UTC']) {
      expect(nextCronInstants(parseCron('* * * * *'), zone, new Date(8.64e15), 1)).toEqual([]);
    }
    expect(nextCronInstants(parseCron('* * * * *'), 'UTC', new Date(8.64e15 - 60_000), 5)).toEqual([
      new Date(8.64e15),
    ]);
    expect(nextCronInstants(parseCron('0 0 * * *'), 'UTC', new Date(-8.64e15), 1)).toEqual([
      new Date(-8.64e15 + 86_400_000),
    ]);
  });

  it('waits a year when the only instant of this one falls into a gap that the job does not make up for', () => {
    const fires = nextCronInstants(parseCron('* 2 8 3 *'), 'America/New_York', new Date('2026-01-01'), 1);

    expect(fires).toEqual([new Date('2027-03-08T07:00:00Z')]);
  });

  it('makes up for a gap at its end even when asked in the last second before', () => {
    const cron = parseCron('30 2 * * *');
    const gapEnd = new Date('2026-03-08T07:00:00Z');

    expect(nextCronInstants(cron, 'America/New_York', new Date(gapEnd.getTime() - 1), 1)).toEqual([gapEnd]);
    expect(nextCronInstants(cron, 'America/New_York', gapEnd, 1)).toEqual([new Date('2026-03-09T06:30:00Z')]);
  });

  it('refuses an unknown zone and an invalid date', () => {
    const cron = parseCron('@daily');

    expect(() => nextCronInstants(cron, 'Mars/Olympus', new Date(0), 1)).toThrow(RangeError);
    expect(() => nextCronInstants(cron, 'UTC', new Date(Number.NaN), 1)).toThrow(RangeError);
  });

  it('gives none when none are asked for', () => {
    expect(nextCronInstants(parseCron('* * * * *'), 'UTC', new Date(0), 0)).toEqual([]);
  });
});
