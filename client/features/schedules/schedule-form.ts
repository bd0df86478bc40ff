import type { RunParameterName } from '../../../shared/run-parameters.ts';
import type {
  CreateScheduleInput,
  OverlapPolicy,
  ScheduleTimingInput,
  ScheduleToEditQuery,
  UpdateScheduleInput,
} from '../../graphql/generated/graphql.ts';
import { type FieldFault, faultsByField } from '../../lib/field-fault.ts';
import {
  changedParameters,
  emptyParameterDraft,
  type ParameterDraft,
  parameterDraftOf,
  parameterOf,
  valuesOf,
} from '../../lib/parameters.ts';

export type EditedSchedule = Extract<NonNullable<ScheduleToEditQuery['node']>, { timing: object }>;

/** What is typed in the dialog, as it is typed: nothing is lost by being wrong. */
export interface ScheduleDraft {
  readonly playbook: string;
  readonly name: string;
  readonly kind: 'cron' | 'once' | 'interval';
  readonly cron: string;
  /** As `<input type="datetime-local">` gives it, in the viewer's zone. */
  readonly at: string;
  readonly every: string;
  readonly unit: 'seconds' | 'minutes' | 'hours' | 'days';
  readonly timezone: string;
  readonly overlap: OverlapPolicy;
  readonly parameters: ParameterDraft;
}

export type DraftField =
  | 'playbook'
  | 'name'
  | 'cron'
  | 'at'
  | 'every'
  | 'timezone'
  | RunParameterName
  | 'form';

export interface DraftFault {
  readonly field: DraftField;
  readonly message: string;
}

export const UNIT_SECONDS: Record<ScheduleDraft['unit'], number> = {
  seconds: 1,
  minutes: 60,
  hours: 3_600,
  days: 86_400,
};

export function emptyDraft(playbook: string, timezone: string): ScheduleDraft {
  return {
    playbook,
    name: '',
    kind: 'cron',
    cron: '0 3 * * *',
    at: '',
    every: '5',
    unit: 'minutes',
    timezone,
    overlap: 'SKIP',
    parameters: emptyParameterDraft,
  };
}

/** The timing that the draft says; a fault when it says none. */
export function timingOf(draft: ScheduleDraft): ScheduleTimingInput | DraftFault {
  switch (draft.kind) {
    case 'cron':
      return { cron: draft.cron };
    case 'once': {
      const at = new Date(draft.at);
      if (Number.isNaN(at.getTime())) return { field: 'at', message: 'Choose a date and a time.' };
      return { at: at.toISOString() };
    }
    case 'interval': {
      const count = Number(draft.every);
      if (!/^\d+$/.test(draft.every.trim()) || count < 1)
        return { field: 'every', message: 'Expected a whole number of 1 or more.' };
      return { every: { seconds: count * UNIT_SECONDS[draft.unit] } };
    }
  }
}

export function isFault<T extends object>(value: T | DraftFault): value is DraftFault {
  return 'field' in value && 'message' in value;
}

/** The whole input of a new schedule; a fault when it cannot be made. */
export function createInputOf(draft: ScheduleDraft): CreateScheduleInput | DraftFault {
  const timing = timingOf(draft);
  if (isFault(timing)) return timing;
  const parameters = changedParameters(draft.parameters, emptyParameterDraft);
  if (isFault(parameters)) return parameters;
  if (draft.playbook === '') return { field: 'playbook', message: 'Choose a playbook.' };
  return {
    playbook: draft.playbook,
    timing,
    timezone: draft.timezone,
    name: draft.name.trim() || draft.playbook,
    overlap: draft.overlap,
    parameters,
  };
}

export type ScheduleChange = Omit<UpdateScheduleInput, 'id' | 'expectedVersion'>;

/**
 * What was changed in the draft of a schedule; everything else stays as it is, also what the draft says less exactly.
 * @param before the draft as it was read
 * @param unreadable parts of which nothing can be kept: they are given anew
 */
export function changeOf(
  draft: ScheduleDraft,
  before: ScheduleDraft,
  unreadable: readonly string[] = [],
): ScheduleChange | DraftFault {
  const change: { -readonly [K in keyof ScheduleChange]: ScheduleChange[K] } = {};
  if (unreadable.includes('timing') || TIMING_FIELDS.some((field) => draft[field] !== before[field])) {
    const timing = timingOf(draft);
    if (isFault(timing)) return timing;
    change.timing = timing;
  }
  const parameters = changedParameters(draft.parameters, before.parameters);
  if (isFault(parameters)) return parameters;
  if (unreadable.includes('parameters') || Object.keys(parameters).length > 0) change.parameters = parameters;
  if (draft.playbook !== before.playbook) change.playbook = draft.playbook;
  if (draft.timezone !== before.timezone) change.timezone = draft.timezone;
  if (unreadable.includes('policy') || draft.overlap !== before.overlap) change.overlap = draft.overlap;
  if (draft.name !== before.name) change.name = draft.name.trim() || null;
  return change;
}

const TIMING_FIELDS = ['kind', 'cron', 'at', 'every', 'unit'] as const;

/** What is typed, on top of what somebody else changed meanwhile: each field that was not touched follows. */
export function rebase(draft: ScheduleDraft, before: ScheduleDraft, after: ScheduleDraft): ScheduleDraft {
  const isRetimed = TIMING_FIELDS.some((field) => draft[field] !== before[field]);
  const merge = <T extends object>(typed: T, old: T, fresh: T): T =>
    Object.fromEntries(
      Object.entries(fresh).map(([key, value]) => {
        const own = typed[key as keyof T];
        return [key, own === old[key as keyof T] ? value : own];
      }),
    ) as T;
  const merged = merge(draft, before, after);
  return {
    ...merged,
    // a timing is one thing: half of the one and half of the other would be a third
    ...Object.fromEntries(TIMING_FIELDS.map((field) => [field, (isRetimed ? draft : after)[field]])),
    parameters: merge(draft.parameters, before.parameters, after.parameters),
  };
}

/** The draft of a schedule that exists. */
export function draftOf(schedule: EditedSchedule): ScheduleDraft {
  const { timing } = schedule;
  const draft: ScheduleDraft = {
    ...emptyDraft(schedule.playbook, schedule.timezone),
    name: schedule.name,
    overlap: schedule.overlap,
    parameters: parameterDraftOf(valuesOf(schedule.parameters)),
  };
  switch (timing.__typename) {
    case 'CronTiming':
      return { ...draft, kind: 'cron', cron: timing.expression };
    case 'OneOffTiming':
      return { ...draft, kind: 'once', at: toLocalInput(timing.at) };
    case 'IntervalTiming': {
      const unit =
        (['days', 'hours', 'minutes'] as const).find((one) => timing.seconds % UNIT_SECONDS[one] === 0) ??
        'seconds';
      return { ...draft, kind: 'interval', unit, every: String(timing.seconds / UNIT_SECONDS[unit]) };
    }
  }
}

/** Which field of the dialog an issue of the server belongs to. */
function fieldOf(path: readonly string[]): DraftField {
  const [first, second] = path;
  if (first === 'timing') return second === 'at' ? 'at' : second === 'every' ? 'every' : 'cron';
  return first === 'playbook' || first === 'name' || first === 'timezone'
    ? first
    : (parameterOf(path) ?? 'form');
}

export function faultsOf(
  issues: Parameters<typeof faultsByField>[0],
): Partial<Record<DraftField, FieldFault>> {
  return faultsByField(issues, fieldOf);
}

/** Local date and time for `<input type="datetime-local">`, as exact as the instant is. */
export function toLocalInput(iso: string): string {
  const date = new Date(iso);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString();
  if (!local.endsWith('.000Z')) return local.slice(0, 23);
  return local.endsWith(':00.000Z') ? local.slice(0, 16) : local.slice(0, 19);
}
