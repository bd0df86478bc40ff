import { describe, expect, it } from 'vitest';
import {
  canonicalTimeZone,
  isTimeZone,
  offsetMsAt,
  offsetSpanAt,
} from '../../../../server/domain/time/time-zone.ts';

const HOUR_MS = 3_600_000;

describe('isTimeZone', () => {
  it.each([
    'UTC',
    'Etc/UTC',
    'GMT',
    'Europe/Berlin',
    'europe/berlin',
    'Asia/Kathmandu',
    'Europe/Kyiv',
    'US/Eastern',
  ])('takes %s', (name) => expect(isTimeZone(name)).toBe(true));

  it.each(['EST', 'EST5EDT', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires', 'America/Port-au-Prince'])(
    'takes %s',
    (name) => expect(isTimeZone(name)).toBe(true),
  );

  it.each(Intl.supportedValuesOf('timeZone'))('takes %s, which Intl lists', (name) => {
    expect(canonicalTimeZone(name)).toBe(name);
  });

  it.each([
    '',
    ' ',
    '+01:00',
    '-0500',
    '+1',
    'UTC+1',
    'GMT+1',
    'Z',
    'Mars/Olympus',
    ' UTC',
    'UTC ',
    'Europe/Berlin\0',
  ])('refuses %j', (name) => expect(isTimeZone(name)).toBe(false));

  it.each([
    'BST',
    'IST',
    'PST',
    'SystemV/EST5',
    'Etc/Unknown',
    'x'.repeat(1_000_000),
    '../../etc/passwd',
    'Ｕ',
  ])('refuses %.20s, which IANA does not know', (name) => expect(isTimeZone(name)).toBe(false));

  it('refuses a name of 1 MB', () => {
    expect(isTimeZone('x'.repeat(1_000_000))).toBe(false);
  });
});

describe('canonicalTimeZone', () => {
  it('gives the spelling of Intl', () => {
    expect(canonicalTimeZone('europe/BERLIN')).toBe('Europe/Berlin');
    expect(canonicalTimeZone('utc')).toBe('UTC');
    expect(canonicalTimeZone('Europe/Nowhere')).toBeNull();
  });
});

describe('offsetMsAt', () => {
  it.each([
    ['UTC', '2026-07-01T00:00:00Z', 0],
    ['Europe/Berlin', '2026-03-29T00:59:59.999Z', 1],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', 2],
    ['Europe/Dublin', '2026-01-01T00:00:00Z', 0],
    ['Australia/Lord_Howe', '2026-01-01T00:00:00Z', 11],
    ['Australia/Lord_Howe', '2026-07-01T00:00:00Z', 10.5],
    ['Asia/Kathmandu', '2026-07-01T00:00:00Z', 5.75],
    ['Pacific/Apia', '2011-12-30T09:59:59Z', -10],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', 14],
    ['Africa/Casablanca', '2026-03-01T00:00:00Z', 0],
  ])('of %s at %s is %d h', (zone, instant, hours) => {
    expect(offsetMsAt(zone, Date.parse(instant))).toBe(hours * HOUR_MS);
  });

  it('knows local mean time to the second', () => {
    expect(offsetMsAt('Europe/Paris', Date.UTC(1850, 0, 1))).toBe((9 * 60 + 21) * 1_000);
  });

  it('agrees with Intl every 7 hours of 40 years', () => {
    for (const zone of [
      'Asia/Gaza',
      'Africa/Cairo',
      'America/Sao_Paulo',
      'Antarctica/Casey',
      'Europe/London',
    ]) {
      const clock = new Intl.DateTimeFormat('sv-SE', {
        timeZone: zone,
        dateStyle: 'short',
        timeStyle: 'medium',
      });
      const wrong: string[] = [];
      for (let ms = Date.UTC(2005, 0, 1); ms < Date.UTC(2045, 0, 1); ms += 7 * HOUR_MS) {
        const shown = Date.parse(`${clock.format(ms).replace(' ', 'T')}Z`);
        if (shown - ms !== offsetMsAt(zone, ms)) wrong.push(`${zone} ${new Date(ms).toISOString()}`);
      }
      expect(wrong).toEqual([]);
    }
  });

  it('answers at both ends of time', () => {
    expect(offsetMsAt('Asia/Tokyo', 8.64e15)).toBe(9 * HOUR_MS);
    expect(offsetMsAt('UTC', -8.64e15)).toBe(0);
  });

  it('refuses an unknown zone with its name, and an invalid instant', () => {
    expect(() => offsetMsAt('Mars/Olympus', 0)).toThrow('"Mars/Olympus"');
    expect(() => offsetMsAt('UTC', Number.NaN)).toThrow(RangeError);
  });

  it('keeps its answers when many other zones and years were asked for since', () => {
    for (const zone of Intl.supportedValuesOf('timeZone')) offsetMsAt(zone, 0);
    for (let year = 1700; year < 2300; year += 1) offsetMsAt('Europe/Berlin', Date.UTC(year, 6, 1));

    expect(offsetMsAt('Europe/Berlin', Date.UTC(2026, 6, 1))).toBe(2 * HOUR_MS);
  });
});

describe('offsetSpanAt', () => {
  it('begins and ends a span at the very second of the change, and knows what went before', () => {
    const change = Date.parse('2026-10-25T01:00:00Z');

    expect(offsetSpanAt('Europe/Berlin', change - 1).endMs).toBe(change);
    expect(offsetSpanAt('Europe/Berlin', change)).toMatchObject({
      startMs: change,
      offsetMs: HOUR_MS,
      previousOffsetMs: 2 * HOUR_MS,
      repeatedUntilMs: Date.parse('2026-10-25T03:00:00Z'),
    });
  });
});
