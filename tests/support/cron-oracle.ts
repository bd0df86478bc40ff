/**
 * The rule of tests/fixtures/cron/README.md taken literally: walk every real minute (or second), look at the wall
 * clock, fire. Slow, and shares no code with what it checks: own reading of fields, own reading of the clock.
 */

interface Walk {
  readonly instantsMs: readonly number[];
  readonly wallsMs: readonly number[];
  readonly stepMs: number;
}

const MAX_GAP_MS = 3 * 3_600_000;
const NAMES = ['jan feb mar apr may jun jul aug sep oct nov dec', 'sun mon tue wed thu fri sat'];

/** Reads the wall clock at every step of (`fromMs`, `toMs`]; the lot can be used for many expressions. */
export function walkClock(zone: string, fromMs: number, toMs: number, stepMs: number): Walk {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  const instantsMs: number[] = [];
  for (let ms = Math.floor(fromMs / stepMs) * stepMs + stepMs; ms <= toMs; ms += stepMs) instantsMs.push(ms);
  const wallsMs = instantsMs.map((ms) => Date.parse(`${clock.format(ms).replace(' ', 'T')}Z`));
  return { instantsMs, wallsMs, stepMs };
}

/** Every instant of the walk at which the expression (5 or 6 fields) fires, in ms. */
export function oracleInstants(expression: string, { instantsMs, wallsMs, stepMs }: Walk): number[] {
  const fields = expression.trim().toLowerCase().split(/\s+/);
  const [second = '0', minute = '*', hour = '*', day = '*', month = '*', weekday = '*'] =
    fields.length === 5 ? ['0', ...fields] : fields;
  const sets = [
    expand(second, 0, 59),
    expand(minute, 0, 59),
    expand(hour, 0, 23),
    expand(day, 1, 31),
    expand(month, 1, 12, NAMES[0]),
    expand(weekday, 0, 7, NAMES[1]),
  ] as const;
  if (sets[5].has(7)) sets[5].add(0);
  const matches = (wallMs: number): boolean => {
    const wall = new Date(wallMs);
    const isDay = sets[3].has(wall.getUTCDate());
    const isWeekday = sets[5].has(wall.getUTCDay());
    return (
      sets[0].has(wall.getUTCSeconds()) &&
      sets[1].has(wall.getUTCMinutes()) &&
      sets[2].has(wall.getUTCHours()) &&
      sets[4].has(wall.getUTCMonth() + 1) &&
      (day === '*' || weekday === '*' ? isDay && isWeekday : isDay || isWeekday)
    );
  };
  const followsRealTime = minute.startsWith('*') || hour.startsWith('*');
  const seen = new Set<number>();
  return instantsMs.filter((_, index) => {
    const wallMs = wallsMs[index] ?? Number.NaN;
    const expectedMs = (wallsMs[index - 1] ?? wallMs - stepMs) + stepMs;
    const isNew = !seen.has(wallMs);
    seen.add(wallMs);
    if (followsRealTime) return matches(wallMs);
    if (isNew && matches(wallMs)) return true;
    if (wallMs - expectedMs > MAX_GAP_MS) return false;
    for (let skippedMs = expectedMs; skippedMs < wallMs; skippedMs += stepMs)
      if (matches(skippedMs)) return true;
    return false;
  });
}

function expand(field: string, low: number, high: number, names = ''): Set<number> {
  const values = new Set<number>();
  const toNumber = (text: string) => (/^\d/.test(text) ? Number(text) : names.split(' ').indexOf(text) + low);
  for (const item of field.split(',')) {
    const [range = '', step = '1'] = item.split('/');
    const [from = '', to = from] = range.split('-');
    const first = range === '*' ? low : toNumber(from);
    const last = range === '*' ? high : toNumber(to);
    for (let value = first; value <= last; value += Number(step)) values.add(value);
  }
  return values;
}
