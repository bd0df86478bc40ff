import { describe, expect, it } from 'vitest';
import type { ActiveRun } from '../../../../server/domain/runs/run.ts';
import { DEFAULT_POLICY } from '../../../../server/domain/schedules/policy.ts';
import { type DueSchedule, decideTicks } from '../../../../server/domain/schedules/tick-decision.ts';
import { ALLOW } from '../../../support/make.ts';

const at = (time: string) => new Date(`2026-11-23T${time}Z`);

const due = (overrides: Partial<DueSchedule> = {}): DueSchedule => ({
  timing: { kind: 'cron', expression: '* * * * *' },
  timezone: 'UTC',
  policy: ALLOW,
  nextRunAt: at('12:00:00'),
  ...overrides,
});

/** "12:00 started", one for each instant. */
const outcomes = (schedule: DueSchedule, now: Date, activeRuns = 0) =>
  decideTicks(schedule, now, Array<ActiveRun>(activeRuns).fill({ id: 'a', status: 'running' })).ticks.map(
    ({ scheduledFor, outcome }) => `${scheduledFor.toISOString().slice(11, 16)} ${outcome}`,
  );

describe('decideTicks', () => {
  it('starts an instant that is due, and waits for the one behind now', () => {
    const { ticks, next } = decideTicks(due(), at('12:00:00.003'), []);
    expect(ticks).toEqual([{ scheduledFor: at('12:00:00'), outcome: 'started', reason: null }]);
    expect(next).toEqual({ nextRunAt: at('12:01:00'), dueAt: at('12:01:00') });
  });

  it('starts all instants of an outage of up to 60 s', () => {
    expect(outcomes(due(), at('12:01:00.000'))).toEqual(['12:00 started', '12:01 started']);
  });

  it('misses an instant that is 1 ms later than that, and starts the newest', () => {
    expect(outcomes(due(), at('12:01:00.001'))).toEqual(['12:00 missed', '12:01 started']);
  });

  it('starts only the newest of an outage of up to an hour', () => {
    const hourly = due({ timing: { kind: 'cron', expression: '0 * * * *' } });
    expect(outcomes(hourly, at('12:59:59'))).toEqual(['12:00 started']);
    const half = due({ timing: { kind: 'cron', expression: '*/20 * * * *' } });
    expect(outcomes(half, at('12:59:00'))).toEqual(['12:00 missed', '12:20 missed', '12:40 started']);
  });

  it.each([
    ['exactly an hour late', '13:00:00.000', 'started'],
    ['1 ms later than an hour', '13:00:00.001', 'missed'],
  ])('with one daily instant, %s: %s', (_, now, outcome) => {
    const daily = due({ timing: { kind: 'cron', expression: '0 12 * * *' } });
    expect(outcomes(daily, at(now))).toEqual([`12:00 ${outcome}`]);
    expect(decideTicks(daily, at(now), []).next.nextRunAt).toEqual(new Date('2026-11-24T12:00:00Z'));
  });

  it('says of each missed instant how late it was noticed', () => {
    const [first, second] = decideTicks(due(), at('14:00:00'), []).ticks;
    expect(first?.reason).toBe('It was noticed 2 h late; nothing is started later than 1 h.');
    expect(second?.reason).toMatch(/^It was noticed 119 min late;/);
    const [third] = decideTicks(due(), at('14:34:59'), []).ticks;
    expect(third?.reason).toMatch(/^It was noticed 2 h 34 min late;/);
  });

  it('skips while a run is active, and beside one that starts at the same time', () => {
    const skipping = due({ policy: DEFAULT_POLICY });
    expect(outcomes(skipping, at('12:00:00'), 1)).toEqual(['12:00 skipped']);
    expect(outcomes(skipping, at('12:01:00'), 0)).toEqual(['12:00 started', '12:01 skipped']);
    expect(outcomes(due(), at('12:01:00'), 7)).toEqual(['12:00 started', '12:01 started']);
  });

  it('gives a one-off no next run', () => {
    const once = due({ timing: { kind: 'once', at: at('12:00:00') } });
    expect(decideTicks(once, at('12:00:10'), [])).toEqual({
      ticks: [{ scheduledFor: at('12:00:00'), outcome: 'started', reason: null }],
      next: { nextRunAt: null, dueAt: null },
    });
  });

  it('records a very long outage of a busy schedule as a range, and each instant of the last hour', () => {
    const everySecond = due({ timing: { kind: 'cron', expression: '* * * * * *' } });
    const now = new Date('2026-11-25T12:00:00Z');
    const { ticks, next } = decideTicks(everySecond, now, []);
    expect(ticks).toHaveLength(3_602);
    expect(ticks[0]).toMatchObject({
      scheduledFor: at('12:00:00'),
      outcome: 'missed',
      reason: expect.stringContaining('all later ones up to 2026-11-25T10:59:59.999Z'),
    });
    expect(ticks.at(-1)).toMatchObject({ scheduledFor: now, outcome: 'started' });
    expect(next.nextRunAt).toEqual(new Date('2026-11-25T12:00:01Z'));
    const instants = ticks.map((tick) => tick.scheduledFor.getTime());
    expect(new Set(instants).size).toBe(instants.length);
  });
});
