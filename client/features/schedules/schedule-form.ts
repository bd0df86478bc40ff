import type {
  CreateScheduleInput,
  OverlapPolicy,
  RunParametersInput,
  ScheduleTimingInput,
} from '../../graphql/generated/graphql.ts';

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
  readonly inventory: string;
  readonly limit: string;
  readonly tags: string;
  readonly extraVars: string;
  readonly check: boolean;
}

export interface FieldFault {
  readonly message: string;
  readonly position: number | null;
}

export type DraftField =
  | 'playbook'
  | 'name'
  | 'cron'
  | 'at'
  | 'every'
  | 'timezone'
  | 'inventory'
  | 'limit'
  | 'tags'
  | 'extraVars'
  | 'form';

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
    inventory: '',
    limit: '',
    tags: '',
    extraVars: '',
    check: false,
  };
}

/** The timing that the draft says; a fault when it says none. */
export function timingOf(
  draft: ScheduleDraft,
): ScheduleTimingInput | { readonly field: DraftField; readonly message: string } {
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
        return { field: 'every', message: 'Expected a whole number from 1 on.' };
      return { every: { seconds: count * UNIT_SECONDS[draft.unit] } };
    }
  }
}

/** Parameters that the draft says; a fault when the extra variables are no JSON object. */
export function parametersOf(
  draft: ScheduleDraft,
): RunParametersInput | { readonly field: DraftField; readonly message: string } {
  const extraVars = parseObject(draft.extraVars);
  if (extraVars === undefined)
    return { field: 'extraVars', message: 'Expected a JSON object, e.g. {"release": "1.2"}.' };
  return {
    inventory: draft.inventory.trim() || null,
    limit: draft.limit.trim() || null,
    tags: draft.tags
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
    extraVars,
    check: draft.check,
  };
}

export function isFault<T extends object>(
  value: T | { readonly field: DraftField; readonly message: string },
): value is { readonly field: DraftField; readonly message: string } {
  return 'field' in value && 'message' in value;
}

/** The whole input of a new schedule; a fault when it cannot be made. */
export function createInputOf(
  draft: ScheduleDraft,
): CreateScheduleInput | { readonly field: DraftField; readonly message: string } {
  const timing = timingOf(draft);
  if (isFault(timing)) return timing;
  const parameters = parametersOf(draft);
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

/** Which field of the dialog an issue of the server belongs to. */
export function fieldOf(path: readonly string[]): DraftField {
  const [first, second] = path;
  if (first === 'timing') return second === 'at' ? 'at' : second === 'every' ? 'every' : 'cron';
  if (first === 'parameters') {
    if (second === 'inventory' || second === 'limit' || second === 'extraVars') return second;
    return second === 'tags' || second === 'skipTags' ? 'tags' : 'form';
  }
  return first === 'playbook' || first === 'name' || first === 'timezone' ? first : 'form';
}

export function faultsOf(
  issues: readonly { path: readonly string[]; message: string; position?: number | null }[],
): Partial<Record<DraftField, FieldFault>> {
  const faults: Partial<Record<DraftField, FieldFault>> = {};
  for (const { path, message, position } of issues)
    faults[fieldOf(path)] ??= { message, position: position ?? null };
  return faults;
}

/** Local date and time for `<input type="datetime-local">`. */
export function toLocalInput(iso: string): string {
  const date = new Date(iso);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** null: nothing is given. undefined: it is no object. */
function parseObject(text: string): Record<string, unknown> | null | undefined {
  if (text.trim() === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
