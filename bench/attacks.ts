import type { Attack } from '../tests/support/attacks/attack.ts';
import { ATTACKS } from '../tests/support/attacks.ts';
import { damageOfSteps, type StepDamage, withMeter } from '../tests/support/damage.ts';
import { type Measure, maximum } from './measure.ts';

const MAX_STALL_MS = 50;
const MAX_GROWTH_MB = { ofStranger: 1, ofHolder: 200 };

/** For how long each attack keeps everybody else waiting, and how much memory it takes. */
export async function attacks(): Promise<Measure[]> {
  const measures: Measure[] = [];
  for (const attack of ATTACKS) {
    await withMeter(async (test) => {
      const steps = await damageOfSteps(attack, test);
      measures.push(stallOf(attack, steps), memoryFor(attack, steps));
    }, attack.playbooks);
  }
  return measures;
}

function stallOf({ title }: Attack, steps: readonly StepDamage[]): Measure {
  const value = maximum(steps.map(({ stallMs }) => stallMs));
  return {
    name: `attack: ${title}, longest stall`,
    storage: null,
    value,
    unit: 'ms',
    limit: null,
    limitIs: null,
    goal: `≤ ${MAX_STALL_MS} ms`,
    isReached: value <= MAX_STALL_MS,
    details: { worst: steps.find(({ stallMs }) => stallMs === value)?.title ?? '' },
  };
}

function memoryFor({ title, strangers }: Attack, steps: readonly StepDamage[]): Measure {
  const growth = maximum(steps.map(({ growthMb }) => growthMb));
  const value = strangers > 0 ? growth / strangers : growth;
  const goal = strangers > 0 ? MAX_GROWTH_MB.ofStranger : MAX_GROWTH_MB.ofHolder;
  return {
    name: `attack: ${title}, memory`,
    storage: null,
    value,
    unit: strangers > 0 ? 'MB each' : 'MB',
    limit: null,
    limitIs: null,
    goal: `≤ ${goal} MB`,
    isReached: value <= goal,
    details: { clients: strangers || 1 },
  };
}
