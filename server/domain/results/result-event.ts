/** What became of a task on a host: as PLAY RECAP counts it, with a failure that was rescued or ignored told apart. */
export const RESULT_STATUSES = [
  'ok',
  'changed',
  'skipped',
  'failed',
  'unreachable',
  'rescued',
  'ignored',
] as const;
export type ResultStatus = (typeof RESULT_STATUSES)[number];

/** The columns of PLAY RECAP. */
export const COUNT_NAMES = [
  'ok',
  'changed',
  'unreachable',
  'failed',
  'skipped',
  'rescued',
  'ignored',
] as const;
export type HostCounts = Readonly<Record<(typeof COUNT_NAMES)[number], number>>;

export const NO_COUNTS: HostCounts = {
  ok: 0,
  changed: 0,
  unreachable: 0,
  failed: 0,
  skipped: 0,
  rescued: 0,
  ignored: 0,
};

/** The counts that a result of this status adds, if its event names no others. */
const USUAL_COUNTS: Readonly<Record<ResultStatus, HostCounts>> = {
  ok: { ...NO_COUNTS, ok: 1 },
  changed: { ...NO_COUNTS, ok: 1, changed: 1 },
  skipped: { ...NO_COUNTS, skipped: 1 },
  failed: { ...NO_COUNTS, failed: 1 },
  unreachable: { ...NO_COUNTS, unreachable: 1 },
  rescued: { ...NO_COUNTS, rescued: 1 },
  ignored: { ...NO_COUNTS, ok: 1, ignored: 1 },
};

/** The texts of a failed result, from which `causeOf` takes the cause. */
export interface FailureTexts {
  readonly message: string | null;
  /** Exit code of the command. */
  readonly rc: number | null;
  readonly stderr: string | null;
  readonly stdout: string | null;
  /** `no_log` hides them. */
  readonly isHidden: boolean;
}

/** One line of the stream `events`, as our callback plugin writes it. */
export type ResultEvent =
  | ({ readonly kind: 'begin' } & BeginEvent)
  | { readonly kind: 'play'; readonly play: number; readonly name: string }
  | ({ readonly kind: 'task' } & TaskEvent)
  /** `item`: an item of a loop that failed or changed; `result`: a task on a host. */
  | ({ readonly kind: 'item' | 'result' } & HostEvent)
  /** What a task added to PLAY RECAP after its result: Ansible counts an include once it has read the file. */
  | { readonly kind: 'counts'; readonly task: number; readonly host: string; readonly counts: HostCounts }
  /** Part of the diff of the next item or result. */
  | { readonly kind: 'diff'; readonly text: string }
  | { readonly kind: 'recap'; readonly host: string; readonly counts: HostCounts }
  /** The plugin stopped. */
  | { readonly kind: 'broken'; readonly problem: string }
  | { readonly kind: 'end' };

/** What the plugin says when it is loaded. */
export interface BeginEvent {
  readonly format: number;
  readonly ansibleVersion: string | null;
  /** Whether the playbook runs in check mode. */
  readonly isCheck: boolean;
  /** The program and its arguments; empty: unknown. */
  readonly command: readonly string[];
}

/** A task has begun. One that runs several times on a host begins as often, each time with a number of its own. */
export interface TaskEvent {
  /** Its number in the run. */
  readonly task: number;
  /** The number of its play in the run. */
  readonly play: number;
  readonly name: string;
  readonly action: string;
  /** Relative to the playbook folder where it lies inside; null: unknown. */
  readonly file: string | null;
  readonly line: number | null;
  readonly startedAt: Date;
  /** The last line of the log when it began: its heading. */
  readonly logLine: number | null;
  /** It ran although the playbook ran in check mode: it says `check_mode: false`. */
  readonly isReallyRun: boolean;
}

export interface HostEvent {
  readonly task: number;
  readonly host: string;
  readonly status: ResultStatus;
  /** What it added to PLAY RECAP; none for an item. */
  readonly counts: HostCounts;
  /** Label of the loop item; null: not an item. */
  readonly item: string | null;
  readonly texts: FailureTexts;
  /** It was skipped because check mode cannot tell what it would do. */
  readonly isUnchecked: boolean;
  /** How many more items of its loop failed than there are events of. */
  readonly moreItems: number;
  /** How many events before this one hold its diff. */
  readonly diffs: number;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly logLine: number | null;
}

type Fields = Readonly<Record<string, unknown>>;

const MAX_NAME = 400;
const MAX_PATH = 1_200;
const MAX_WORDS = 200;
/** The plugin clips earlier. */
const MAX_TEXT = 2_000;
const MAX_DIFF_PIECE = 20_000;
const MAX_DIFFS = 100;
const MAX_TIME = 8.64e15;

/**
 * Reads a line of the stream `events`. A playbook can write to it: whatever does not look like a record of ours
 * is ignored, and what does is bounded.
 * @returns null when it is none
 */
export function parseResultEvent(line: string): ResultEvent | null {
  const fields = parseFields(line);
  if (fields === null) return null;
  switch (fields.kind) {
    case 'begin':
      return {
        kind: 'begin',
        format: countIn(fields.format) ?? 0,
        ansibleVersion: textIn(fields.ansible, 40),
        isCheck: fields.check === true,
        command: wordsIn(fields.command),
      };
    case 'play':
      return { kind: 'play', play: countIn(fields.play) ?? 0, name: textIn(fields.name, MAX_NAME) ?? '' };
    case 'task':
      return taskEvent(fields);
    case 'item':
    case 'result':
      return hostEvent(fields.kind, fields);
    case 'counts': {
      const host = textIn(fields.host, MAX_NAME);
      const task = countIn(fields.task);
      if (host === null || task === null || !isFields(fields.counts)) return null;
      return { kind: 'counts', task, host, counts: countsIn(fields.counts) };
    }
    case 'diff':
      return { kind: 'diff', text: textIn(fields.text, MAX_DIFF_PIECE) ?? '' };
    case 'recap': {
      const host = textIn(fields.host, MAX_NAME);
      return host === null ? null : { kind: 'recap', host, counts: countsIn(fields) };
    }
    case 'broken':
      return { kind: 'broken', problem: textIn(fields.problem, MAX_NAME) ?? '' };
    case 'end':
      return { kind: 'end' };
    default:
      return null;
  }
}

function parseFields(line: string): Fields | null {
  if (!line.startsWith('{"kind"')) return null;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Fields) : null;
  } catch {
    return null;
  }
}

function taskEvent(fields: Fields): ResultEvent | null {
  const task = countIn(fields.task);
  const startedAt = timeIn(fields.startedAt);
  if (task === null || startedAt === null) return null;
  return {
    kind: 'task',
    task,
    play: countIn(fields.play) ?? 0,
    name: textIn(fields.name, MAX_NAME) ?? '',
    action: textIn(fields.action, MAX_NAME) ?? '',
    file: textIn(fields.file, MAX_PATH),
    line: countIn(fields.line),
    startedAt,
    logLine: countIn(fields.logLine),
    isReallyRun: fields.reallyRun === true,
  };
}

function hostEvent(kind: 'item' | 'result', fields: Fields): ResultEvent | null {
  const task = countIn(fields.task);
  const host = textIn(fields.host, MAX_NAME);
  const status = RESULT_STATUSES.find((known) => known === fields.status);
  if (task === null || host === null || status === undefined) return null;
  const counts =
    kind === 'item' ? NO_COUNTS : isFields(fields.counts) ? countsIn(fields.counts) : USUAL_COUNTS[status];
  return {
    kind,
    task,
    host,
    status,
    counts,
    item: kind === 'item' ? (textIn(fields.item, MAX_NAME) ?? '') : null,
    texts: {
      message: textIn(fields.message, MAX_TEXT),
      rc: Number.isSafeInteger(fields.rc) ? (fields.rc as number) : null,
      stderr: textIn(fields.stderr, MAX_TEXT),
      stdout: textIn(fields.stdout, MAX_TEXT),
      isHidden: fields.hidden === true,
    },
    isUnchecked: fields.unchecked === true,
    moreItems: countIn(fields.moreItems) ?? 0,
    diffs: Math.min(countIn(fields.diffs) ?? 0, MAX_DIFFS),
    startedAt: timeIn(fields.startedAt),
    finishedAt: timeIn(fields.finishedAt),
    logLine: countIn(fields.logLine),
  };
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function countsIn(fields: Fields): HostCounts {
  return {
    ok: countIn(fields.ok) ?? 0,
    changed: countIn(fields.changed) ?? 0,
    unreachable: countIn(fields.unreachable) ?? 0,
    failed: countIn(fields.failed) ?? 0,
    skipped: countIn(fields.skipped) ?? 0,
    rescued: countIn(fields.rescued) ?? 0,
    ignored: countIn(fields.ignored) ?? 0,
  };
}

/** Fits into the API's Int. */
function countIn(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 2_147_483_647
    ? (value as number)
    : null;
}

function wordsIn(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_WORDS).flatMap((word) => textIn(word, MAX_NAME) ?? []);
}

function textIn(value: unknown, maxLength: number): string | null {
  return typeof value === 'string' ? value.slice(0, maxLength).toWellFormed() : null;
}

/** In ms since the epoch. */
function timeIn(value: unknown): Date | null {
  return typeof value === 'number' && Math.abs(value) <= MAX_TIME ? new Date(value) : null;
}
