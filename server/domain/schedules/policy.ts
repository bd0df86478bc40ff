import { isNoticeEvent, type NoticeEvent, USUAL_EVENTS } from '../notice-event.ts';

/**
 * What a schedule does about an instant that it cannot simply start, and whom it tells: one value, stored, decided on and
 * changed as a whole. A new field is one line here and one row of `FIELDS`; values stored without it get its
 * default.
 */
export interface SchedulePolicy {
  readonly overlap: OverlapPolicy;
  /** Every instant up to this late still starts: so short an outage should go unnoticed. 0 to 3,600. */
  readonly graceSeconds: number;
  /** Up to this late, only the newest instant still starts; anything later is missed. 0 to 3,600. */
  readonly startDeadlineSeconds: number;
  /** How many days its runs are kept, 1 to 36,500; null: as all others. */
  readonly keepDays: number | null;
  /** How many of its newest runs are kept, 1 to 1,000,000; null: as all others. */
  readonly keepRuns: number | null;
  /** Ids of the channels that are told of it; null: those that are default for an event. */
  readonly channels: readonly string[] | null;
  /** What its own channels are told of. */
  readonly noticeEvents: readonly NoticeEvent[];
}

/** `skip`: the new instant does not start and is recorded as skipped. `allow`: both run at once. */
export type OverlapPolicy = 'skip' | 'allow';

/** undefined keeps a field, null resets it to its default. */
export type SchedulePolicyChange = {
  readonly [N in keyof SchedulePolicy]?: SchedulePolicy[N] | null | undefined;
};

interface Field<T> {
  readonly default: T;
  /** Whether a stored value is valid. */
  isValid(value: unknown): boolean;
}

/** The largest numbers of what a schedule may have kept. */
export const MAX_KEPT = { keepDays: 36_500, keepRuns: 1_000_000 } as const;

const FIELDS: { readonly [N in keyof SchedulePolicy]: Field<SchedulePolicy[N]> } = {
  overlap: { default: 'skip', isValid: (value) => value === 'skip' || value === 'allow' },
  graceSeconds: { default: 60, isValid: isDuration },
  startDeadlineSeconds: { default: 3_600, isValid: isDuration },
  keepDays: { default: null, isValid: (value) => value === null || isWhole(value, 1, MAX_KEPT.keepDays) },
  keepRuns: { default: null, isValid: (value) => value === null || isWhole(value, 1, MAX_KEPT.keepRuns) },
  channels: { default: null, isValid: (value) => value === null || isListOf(value, isText) },
  noticeEvents: { default: USUAL_EVENTS, isValid: (value) => isListOf(value, isNoticeEvent) },
};
/** Within it each instant is recorded for itself, and a schedule may have one every second. */
const MAX_SECONDS = 3_600;
const NAMES = Object.keys(FIELDS) as (keyof SchedulePolicy)[];

export const DEFAULT_POLICY: SchedulePolicy = changePolicy(null, {});

/** @param policy null: that of a new schedule */
export function changePolicy(policy: SchedulePolicy | null, change: SchedulePolicyChange): SchedulePolicy {
  const fieldOf = (name: keyof SchedulePolicy) =>
    change[name] === undefined && policy ? policy[name] : (change[name] ?? FIELDS[name].default);
  return Object.fromEntries(NAMES.map((name) => [name, fieldOf(name)])) as unknown as SchedulePolicy;
}

/**
 * @param stored the stored value; missing fields get their defaults
 * @throws {Error} when it is invalid; the message says what it is
 */
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

/** Whether the schedule's decisions depend on its queued and running runs. */
export function heedsActiveRuns({ overlap }: SchedulePolicy): boolean {
  return overlap === 'skip';
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isDuration(value: unknown): boolean {
  return isWhole(value, 0, MAX_SECONDS);
}

function isWhole(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}
