/**
 * What a schedule does about an instant that it cannot simply start: one value, which is stored, decided on and changed as a
 * whole. A new field is one line here and one row of `FIELDS`; what was stored without it gets its default.
 */
export interface SchedulePolicy {
  readonly overlap: OverlapPolicy;
  /** Up to this late every instant is still started: an outage this short should not be noticed. */
  readonly graceSeconds: number;
  /** Up to this late the newest instant is still started once; later ones are missed. */
  readonly startDeadlineSeconds: number;
}

/** `skip`: the new instant does not run and is recorded as skipped. `allow`: both run at once. */
export type OverlapPolicy = 'skip' | 'allow';

/** undefined leaves a field as it is, null makes it what it is at first. */
export type SchedulePolicyChange = {
  readonly [N in keyof SchedulePolicy]?: SchedulePolicy[N] | null | undefined;
};

interface Field<T> {
  readonly default: T;
  /** Whether a value that was stored is one. */
  isValid(value: unknown): boolean;
}

const FIELDS: { readonly [N in keyof SchedulePolicy]: Field<SchedulePolicy[N]> } = {
  overlap: { default: 'skip', isValid: (value) => value === 'skip' || value === 'allow' },
  graceSeconds: { default: 60, isValid: isDuration },
  startDeadlineSeconds: { default: 3_600, isValid: isDuration },
};
const NAMES = Object.keys(FIELDS) as (keyof SchedulePolicy)[];

export const DEFAULT_POLICY: SchedulePolicy = changePolicy(null, {});

/** @param policy null: of a schedule that is new */
export function changePolicy(policy: SchedulePolicy | null, change: SchedulePolicyChange): SchedulePolicy {
  const fieldOf = (name: keyof SchedulePolicy) =>
    change[name] === undefined && policy ? policy[name] : (change[name] ?? FIELDS[name].default);
  return Object.fromEntries(NAMES.map((name) => [name, fieldOf(name)])) as unknown as SchedulePolicy;
}

/** @param stored as it was written; what is missing is what it is at first @throws {Error} when it is none, in words */
export function readPolicy(stored: unknown): SchedulePolicy {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored))
    throw new Error(`its policy is ${JSON.stringify(stored).slice(0, 100)}`);
  const fields = stored as Readonly<Record<string, unknown>>;
  for (const name of NAMES) {
    const value = fields[name];
    if (value !== undefined && !FIELDS[name].isValid(value))
      throw new Error(`the "${name}" of its policy is ${JSON.stringify(value).slice(0, 100)}`);
  }
  return changePolicy(null, fields);
}

/** Whether it matters to the schedule that runs of it are queued or running. */
export function heedsActiveRuns({ overlap }: SchedulePolicy): boolean {
  return overlap === 'skip';
}

function isDuration(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
