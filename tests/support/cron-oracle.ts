/**
 * The rule of tests/fixtures/cron/README.md taken literally: walk every real minute (or second), look at the wall
 * clock, fire. Slow, and shares no code with what it checks: own reading of fields, own reading of the clock.
 */

interface Walk {
  readonly steps: readonly Step[];
}

interface Step {
  readonly ms: number;
  readonly wall: Wall;
  /** Whether no earlier step of the walk shows the same. */
  readonly isNew: boolean;
  /** What the clock leaves out before it. */
  readonly skipped: readonly Wall[];
}

/** What a clock on the wall shows: second, minute, hour, day, month, day of week. */
type Wall = readonly [number, number, number, number, number, number];

const MAX_GAP_MS = 3 * 3_600_000;
const NAMES = ['jan feb mar apr may jun jul aug sep oct nov dec', 'sun mon tue wed thu fri sat'];

/** Reads the wall clock at every step of (`fromMs`, `toMs`]; the lot can be used for many expressions. */
export function walkClock(zone: string, fromMs: number, toMs: number, stepMs: number): Walk {
  const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  const steps: Step[] = [];
  const seen = new Set<number>();
  let expectedMs = Number.NaN;
  for (let ms = Math.floor(fromMs / stepMs) * stepMs + stepMs; ms <= toMs; ms += stepMs) {
    const wallMs = Date.parse(`${clock.format(ms).replace(' ', 'T')}Z`);
    const skipped: Wall[] = [];
    if (wallMs - expectedMs <= MAX_GAP_MS)
      for (; expectedMs < wallMs; expectedMs += stepMs) skipped.push(wallOf(expectedMs));
    steps.push({ ms, wall: wallOf(wallMs), isNew: !seen.has(wallMs), skipped });
    seen.add(wallMs);
    expectedMs = wallMs + stepMs;
  }
  return { steps };
}

function wallOf(wallMs: number): Wall {
  const wall = new Date(wallMs);
  return [
    wall.getUTCSeconds(),
    wall.getUTCMinutes(),
    wall.getUTCHours(),
    wall.getUTCDate(),
    wall.getUTCMonth() + 1,
    wall.getUTCDay(),
  ];
}

/** Every instant of the walk at which the expression (5 or 6 fields) fires, in ms. */
export function oracleInstants(expression: string, { steps }: Walk): number[] {
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
  const matches = ([atSecond, atMinute, atHour, atDay, atMonth, atWeekday]: Wall): boolean => {
    if (!sets[0].has(atSecond) || !sets[1].has(atMinute) || !sets[2].has(atHour) || !sets[4].has(atMonth))
      return false;
    const [isDay, isWeekday] = [sets[3].has(atDay), sets[5].has(atWeekday)];
    return day === '*' || weekday === '*' ? isDay && isWeekday : isDay || isWeekday;
  };
  const followsRealTime = minute.startsWith('*') || hour.startsWith('*');
  return steps
    .filter(({ wall, isNew, skipped }) =>
      followsRealTime ? matches(wall) : (isNew && matches(wall)) || skipped.some(matches),
    )
    .map(({ ms }) => ms);
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
