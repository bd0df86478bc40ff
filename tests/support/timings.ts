import { TIMINGS, type Timings } from '../../server/timings.ts';

/** What servers wait in tests: a tenth, and in a soak what they wait in earnest. */
export const TEST_TIMINGS: Timings = process.env.SOAK === '1' ? TIMINGS : tenthOf(TIMINGS);

function tenthOf<T>(timings: T): T {
  return Object.fromEntries(
    Object.entries(timings as object).map(([name, value]) => [
      name,
      typeof value === 'number' ? value / 10 : tenthOf(value),
    ]),
  ) as T;
}
