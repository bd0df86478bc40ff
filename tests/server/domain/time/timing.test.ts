import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CronSyntaxError } from '../../../../server/domain/time/cron.ts';
import {
  describeTiming,
  nextInstant,
  nextInstants,
  type Timing,
} from '../../../../server/domain/time/timing.ts';

function cron(expression: string): Timing {
  return { kind: 'cron', expression };
}

function every(seconds: number, anchor: string | number = 0): Timing {
  return { kind: 'interval', seconds, anchor: new Date(anchor) };
}

describe('nextInstants', () => {
  it('reads a cron expression in its zone', () => {
    const fires = nextInstants(cron('30 3 * * *'), 'Europe/Berlin', new Date('2026-03-27T12:00:00Z'), 2);

    expect(fires).toEqual([new Date('2026-03-28T02:30:00Z'), new Date('2026-03-29T01:30:00Z')]);
  });

  it('refuses a faulty expression each time it is asked', () => {
    for (const _ of [1, 2]) {
      expect(() => nextInstants(cron('61 * * * *'), 'UTC', new Date(0), 1)).toThrow(CronSyntaxError);
    }
  });

  it('gives an instant once, and only before it has come', () => {
    const at = new Date('2026-11-30T21:00:00Z');
    const once: Timing = { kind: 'once', at };

    expect(nextInstants(once, 'UTC', new Date(at.getTime() - 1), 5)).toEqual([at]);
    expect(nextInstant(once, 'UTC', at)).toBeNull();
    expect(nextInstants(once, 'UTC', new Date(0), 0)).toEqual([]);
  });

  it('stops behind the last instant that is wanted, which may be one itself', () => {
    const [after, until] = [new Date('2026-01-01T00:00:00Z'), new Date('2026-01-01T00:02:00Z')];
    const minutes = [new Date('2026-01-01T00:01:00Z'), until];

    for (const timing of [cron('* * * * *'), cron('0 * * * * *'), every(60)]) {
      expect(nextInstants(timing, 'Europe/Berlin', after, 100, until)).toEqual(minutes);
    }
    expect(nextInstants({ kind: 'once', at: until }, 'UTC', after, 1, until)).toEqual([until]);
    expect(nextInstants({ kind: 'once', at: until }, 'UTC', after, 1, after)).toEqual([]);
  });

  it('begins an interval at its anchor and keeps to its beat', () => {
    const timing = every(90, '2026-01-01T00:00:10Z');

    expect(nextInstant(timing, 'UTC', new Date('2025-06-01'))).toEqual(new Date('2026-01-01T00:00:10Z'));
    expect(nextInstants(timing, 'UTC', new Date('2026-01-01T00:00:10Z'), 2)).toEqual([
      new Date('2026-01-01T00:01:40Z'),
      new Date('2026-01-01T00:03:10Z'),
    ]);
  });

  it('computes intervals exactly for any two valid dates', () => {
    const ms = fc.integer({ min: -8.64e15, max: 8.64e15 });
    const seconds = fc.integer({ min: 1, max: 31_536_000 });

    const property = fc.property(ms, ms, seconds, (anchorMs, afterMs, step) => {
      const fires = nextInstants(every(step, anchorMs), 'UTC', new Date(afterMs), 3).map((date) =>
        BigInt(Number(date)),
      );
      const stepMs = BigInt(step) * 1_000n;
      const distance = BigInt(afterMs) - BigInt(anchorMs);
      const first = distance < 0n ? BigInt(anchorMs) : BigInt(anchorMs) + (distance / stepMs + 1n) * stepMs;
      const wanted = [0n, 1n, 2n]
        .map((k) => first + k * stepMs)
        .filter((each) => each <= 8_640_000_000_000_000n);
      expect(fires).toEqual(wanted);
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('refuses an invalid date', () => {
    for (const timing of [cron('@daily'), every(60), { kind: 'once', at: new Date(0) } as const]) {
      expect(() => nextInstants(timing, 'UTC', new Date(Number.NaN), 1)).toThrow(RangeError);
    }
  });
});

describe('describeTiming', () => {
  it.each([
    ['30 3 * * *', 'At 03:30'],
    ['* * * * *', 'Every minute'],
    ['*/5 * * * *', 'Every 5 minutes'],
    ['@hourly', 'Every hour'],
    ['@daily', 'At 00:00'],
    ['@Weekly', 'At 00:00, only on Sunday'],
    ['@yearly', 'At 00:00, on day 1 of the month, only in January'],
    ['0 9-17 * * mon-fri', 'Every hour, between 09:00 and 17:00, Monday through Friday'],
    ['*/15 9-17 * * 1-5', 'Every 15 minutes, between 09:00 and 17:59, Monday through Friday'],
    ['15,45 2 * * *', 'At 02:15 and 02:45'],
    ['0 */2 * * *', 'On the hour, every 2 hours'],
    ['0 0 10-20 * ?', 'At 00:00, between day 10 and 20 of the month'],
    ['0 0 1 1-3,7 *', 'At 00:00, on day 1 of the month, only in January through March and July'],
  ])('says %j as %j', (expression, text) => {
    expect(describeTiming(cron(expression), 'UTC')).toBe(text);
  });

  it.each([
    ['30 30 3 * * *', 'At 03:30:30'],
    ['*/10 * * * * *', 'Every 10 seconds'],
    ['15 */5 * * * *', 'At 15 seconds past the minute, every 5 minutes'],
    ['* 0,30 * * * *', 'Every second, in minutes 0 and 30 of the hour'],
    ['* 3 4 * * *', 'Every second, in minute 3 of the hour, between 04:00 and 04:59'],
  ])('says %j, with seconds, as %j', (expression, text) => {
    expect(describeTiming(cron(expression), 'UTC')).toBe(text);
  });

  it.each([
    ['0 0 13 * 5', 'At 00:00, either on day 13 of the month or on Friday'],
    [
      '0 0 1,15 6 1-5',
      'At 00:00, either on days 1 and 15 of the month or on Monday through Friday, only in June',
    ],
    ['0 0 */2 * sun', 'At 00:00, either every 2 days from day 1 to day 31 of the month or on Sunday'],
    ['0 0 1-31 * 5', 'At 00:00'],
    ['0 0 13 6 0-7', 'At 00:00, only in June'],
  ])('says that either day field of %j may match', (expression, text) => {
    expect(describeTiming(cron(expression), 'UTC')).toBe(text);
  });

  it.each([
    ['0 0 * * 0', '0 0 * * 7'],
    ['0 0 * * 6,0', '0 0 * * sat,SUN'],
    ['0 0 * * 5-7', '0 0 * * 0,5,6'],
    ['@midnight', '0 00 * * *'],
    ['*/30 * * * *', '0,30 * * * *'],
    ['0 5 3 * * *', '5 3 * * *'],
  ])('says %j and %j alike', (one, other) => {
    expect(describeTiming(cron(one), 'UTC')).toBe(describeTiming(cron(other), 'UTC'));
  });

  it.each([
    ['*/45 * * * *', 'At 0 and 45 minutes past the hour'],
    ['*/7 * * * *', 'Every 7 minutes, minutes 0 through 56 past the hour'],
    ['0 */5 * * *', 'At 00:00, 05:00, 10:00, 15:00 and 20:00'],
    ['*/60 * * * *', 'Every hour'],
    ['0 0 */10 * *', 'At 00:00, on days 1, 11, 21, and 31 of the month'],
    ['0 0 1 */5 *', 'At 00:00, on day 1 of the month, only in January, June, and November'],
    ['0 0 * * */3', 'At 00:00, only on Wednesday, Saturday, and Sunday'],
    ['* 3,5 * * *', 'Every minute, in hours 03 and 05'],
    ['*/20 */8 * * *', 'Every 20 minutes, in hours 00, 08 and 16'],
    ['30 0-2,10-16 * * *', 'At 30 minutes past the hour, in hours 00–02 and 10–16'],
  ])('does not make %j more even than it is', (expression, text) => {
    expect(describeTiming(cron(expression), 'UTC')).toBe(text);
  });

  it('says an instant in its zone, with seconds where it has some', () => {
    const at = (instant: string): Timing => ({ kind: 'once', at: new Date(instant) });

    expect(describeTiming(at('2026-11-30T21:00:00Z'), 'Europe/Berlin')).toBe(
      'Once, on 30 Nov 2026 at 22:00 (Europe/Berlin)',
    );
    expect(describeTiming(at('2026-09-01T20:00:05Z'), 'Asia/Kathmandu')).toBe(
      'Once, on 2 Sep 2026 at 01:45:05 (Asia/Kathmandu)',
    );
  });

  it.each([
    [1, 'Every second'],
    [60, 'Every minute'],
    [90, 'Every 90 seconds'],
    [300, 'Every 5 minutes'],
    [3_600, 'Every hour'],
    [86_400, 'Every 24 hours'],
    [172_800, 'Every 2 days'],
    [10_001, 'Every 10,001 seconds'],
  ])('says an interval of %d s as %j', (seconds, text) => {
    expect(describeTiming(every(seconds), 'UTC')).toBe(text);
  });
});
