import type { RunParameters } from '../../../shared/run-parameters.ts';
import { clip, InvalidInputError } from '../../domain/errors.ts';
import type { RunParametersChange } from '../../domain/runs/parameters/input.ts';
import type { SchedulePolicyChange } from '../../domain/schedules/policy.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import { canonicalTimeZone } from '../../domain/time/time-zone.ts';
import { nextInstant, type Timing } from '../../domain/time/timing.ts';
import type { TimingInput } from '../../domain/time/timing-input.ts';
import type { ChannelStore } from '../../storage/notice-stores.ts';

/**
 * Input for creating and changing schedules, and its checks; each throws an {@link InvalidInputError} that
 * names the field.
 */

export interface CreateSchedule {
  readonly playbook: string;
  readonly timing: TimingInput;
  readonly timezone: string | null;
  readonly name: string | null;
  readonly enabled: boolean;
  readonly policy: SchedulePolicyChange;
  readonly parameters: RunParameters | null;
}

/**
 * undefined keeps a field, also inside the timing, the policy and the parameters; null resets it to its
 * default.
 */
export interface UpdateSchedule {
  readonly expectedVersion?: number | undefined;
  readonly playbook?: string | undefined;
  readonly timing?: TimingInput | undefined;
  readonly timezone?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly enabled?: boolean | undefined;
  readonly policy?: SchedulePolicyChange | undefined;
  readonly parameters?: RunParametersChange | undefined;
}

const MAX_FIRES = 1_000;
const MAX_INSTANT_MS = Date.UTC(9999, 11, 31);

export function requireTimezone(name: string, field: string): string {
  const zone = canonicalTimeZone(name);
  // Intl may canonicalise a zone to an older alias; show users the name they typed
  if (zone !== null) return zone.toLowerCase() === name.toLowerCase() ? zone : name;
  throw invalid(
    [field],
    `There is no time zone "${clip(name)}"; expected an IANA name such as "Europe/Berlin".`,
  );
}

/** @throws {InvalidInputError} when it never fires again */
export function requireNextInstant(timing: Timing, timezone: string, now: Date): Date {
  const next = nextInstant(timing, timezone, now);
  if (next) return next;
  throw timing.kind === 'once'
    ? invalid(
        ['timing', 'at'],
        `${timing.at.toISOString()} has passed already; expected an instant in the future.`,
      )
    : invalid(['timing', timing.kind === 'cron' ? 'cron' : 'every'], 'This timing never fires.');
}

/** @param ids undefined or null: none were given */
export async function requireChannels(
  ids: readonly string[] | null | undefined,
  channels: Pick<ChannelStore, 'list'>,
): Promise<void> {
  if (!ids || ids.length === 0) return;
  const known = new Set((await channels.list()).map(({ id }) => id));
  const wrong = ids.find((id) => !known.has(id));
  if (wrong !== undefined) throw invalid(['channels'], `There is no channel "${clip(wrong)}".`);
}

export function requireCount(count: number): void {
  if (count < 0 || count > MAX_FIRES) {
    throw invalid(['count'], `"count" is ${count}; expected 0 to ${MAX_FIRES}.`);
  }
}

export function requireInstant(instant: Date, field: string): Date {
  if (Math.abs(instant.getTime()) <= MAX_INSTANT_MS) return instant;
  throw invalid([field], 'The instant is out of range; expected the years 1970 to 9999.');
}

/** A timing without an anchor keeps the current one; an anchor of null means now. */
export function keepingAnchor(input: TimingInput, { timing, unreadable }: Schedule): TimingInput {
  if (!input.every || input.every.anchor !== undefined) return input;
  if (timing.kind !== 'interval' || unreadable?.includes('timing')) return input;
  return { ...input, every: { ...input.every, anchor: timing.anchor } };
}

/**
 * Unreadable fields must be replaced, not kept: a silently lost host limit would let it run on other hosts.
 */
export function requireReplacement(current: Schedule, input: UpdateSchedule): void {
  const policy = Object.values(input.policy ?? {}).some((value) => value !== undefined);
  const isGiven = { policy, timing: input.timing !== undefined, parameters: input.parameters !== undefined };
  const missing = (current.unreadable ?? []).filter((field) => !isGiven[field]);
  if (missing.length === 0) return;
  throw new InvalidInputError(
    missing.map((field) => ({
      // the API exposes policy fields on the schedule itself
      path: [field === 'policy' ? 'overlap' : field],
      message: `What is stored of its ${field} cannot be read; give it anew.`,
      position: null,
    })),
  );
}

function invalid(path: readonly string[], message: string): InvalidInputError {
  return new InvalidInputError([{ path, message, position: null }]);
}
