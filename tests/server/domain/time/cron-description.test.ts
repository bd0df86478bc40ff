import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CronExpression, parseCron } from '../../../../server/domain/time/cron.ts';
import { describeCron } from '../../../../server/domain/time/cron-description.ts';

const FOLDER = 'tests/fixtures/cron';

/** Every valid expression of the fixtures. */
function expressionsOfFixtures(): CronExpression[] {
  const rows = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(`${FOLDER}/${name}`, 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as { expr: string; equivalent?: string });
  const texts = rows.flatMap(({ expr, equivalent }) => [expr, ...(equivalent ? [equivalent] : [])]);
  return [...new Set(texts)].flatMap((text) => {
    try {
      return [parseCron(text)];
    } catch {
      return [];
    }
  });
}

/** What an expression matches, whichever way it is written. */
function meaningOf(expr: CronExpression): string {
  const isEither = !expr.isAnyDayOfMonth && !expr.isAnyDayOfWeek;
  const isEveryDay = isEither
    ? expr.daysOfMonth.length === 31 || expr.daysOfWeek.length === 7
    : expr.daysOfMonth.length === 31 && expr.daysOfWeek.length === 7;
  const days = isEveryDay ? null : [expr.daysOfMonth, expr.daysOfWeek, isEither];
  return JSON.stringify([expr.seconds, expr.minutes, expr.hours, expr.months, days]);
}

/** Two expressions read alike exactly when they match alike; `seen` remembers earlier ones. */
function requireOwnWords(expr: CronExpression, seen: { texts: Map<string, string> }): void {
  const [text, meaning] = [describeCron(expr), meaningOf(expr)];
  expect(seen.texts.get(text) ?? meaning, `${expr.source}: ${text}`).toBe(meaning);
  seen.texts.set(text, meaning);
}

describe('describeCron', () => {
  it('gives each meaning in the fixtures words of its own, in one tidy line', () => {
    const seen = { texts: new Map<string, string>() };
    const expressions = expressionsOfFixtures();
    expect(expressions.length).toBeGreaterThan(600);
    for (const expr of expressions) {
      requireOwnWords(expr, seen);
      expect(describeCron(expr), expr.source).toMatch(/^[A-Z][A-Za-z0-9:–]*(?:,? [A-Za-z0-9:–]+)*$/);
    }
    const meanings = new Set(expressions.map(meaningOf));
    expect(seen.texts.size).toBe(meanings.size);
  });

  it('never lets two meanings read alike', () => {
    const seen = { texts: new Map<string, string>() };
    const part = (low: number, high: number) =>
      fc.oneof(
        fc.constant('*'),
        fc.integer({ min: 1, max: high - low }).map((step) => `*/${step}`),
        fc.integer({ min: low, max: high }).map(String),
        fc
          .tuple(
            fc.integer({ min: low, max: high }),
            fc.integer({ min: low, max: high }),
            fc.constantFrom(1, 2, 3),
          )
          .map(([one, other, step]) => `${Math.min(one, other)}-${Math.max(one, other)}/${step}`),
      );
    const field = (low: number, high: number) =>
      fc.array(part(low, high), { minLength: 1, maxLength: 2 }).map((parts) => parts.join(','));
    const fields = fc.tuple(
      fc.oneof(fc.constant('0'), field(0, 59)),
      field(0, 59),
      field(0, 23),
      field(1, 31),
      field(1, 12),
      field(0, 6),
    );
    fc.assert(
      fc.property(fields, (all) => requireOwnWords(parseCron(all.join(' ')), seen)),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['* 0 9-17 * * *', 'Every second, in minute 0 of the hour, between 09:00 and 17:59'],
    ['1 1-23/2 * * *', 'At 1 minute past the hour, every 2 hours, between 01:00 and 23:59'],
    ['15 0 */2 * * *', 'At 15 seconds past the minute, on the hour, every 2 hours'],
    ['0,10-20,40 * * * *', 'At 0, 10 through 20, and 40 minutes past the hour'],
    ['0 0 1,2,15 6-8 *', 'At 00:00, on days 1, 2, and 15 of the month, June through August'],
    ['0 0 * * fri-sun', 'At 00:00, Friday through Sunday'],
    ['0 0 * 3,4 sun,sat', 'At 00:00, only on Saturday and Sunday, only in March and April'],
    ['0 0 29-31 * *', 'At 00:00, between day 29 and 31 of the month'],
  ])('says %j as %j', (expression, text) => {
    expect(describeCron(parseCron(expression))).toBe(text);
  });
});
