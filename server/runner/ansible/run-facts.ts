import type { Spool } from '../process/spool.ts';

/**
 * What is known of a run besides its exit code. The playbook can write to every source of it, so it may word a
 * reason but never decides how the run went.
 */
export interface RunFacts {
  /** Whether our plugin was loaded; without it, only the log below says anything. */
  readonly isTold: boolean;
  /** Whether a play began. */
  readonly hasBegun: boolean;
  /** Variable that a play prompted for and nobody supplied, where our plugin ended the run; null: none. */
  readonly prompt: string | null;
  /** The plugin's counts at the end of the playbook; null: Ansible did not get there. */
  readonly end: RunCounts | null;
  /** The tail of the log, without escape codes. */
  readonly logTail: string;
}

export const NO_FACTS: RunFacts = { isTold: false, hasBegun: false, end: null, prompt: null, logTail: '' };

export interface RunCounts {
  readonly plays: number;
  /** Plays without a matching host. */
  readonly unmatched: number;
  /** Tasks that began, except the fact gathering that Ansible adds itself. */
  readonly tasks: number;
  /** Whether tasks were selected by tags. */
  readonly tagged: boolean;
  readonly failed: number;
  readonly unreachable: number;
  readonly causes: readonly Trouble[];
}

/** One message shared by some hosts. */
export interface Trouble {
  readonly status: 'failed' | 'unreachable';
  readonly message: string;
  /** How many hosts. */
  readonly count: number;
  /** Some of their names. */
  readonly hosts: readonly string[];
}

/** Where the plugin says that it was loaded, that a play began, and what it asks for. */
const MAX_BEGIN_BYTES = 65_536;
/** The counts are its last record, behind at most twenty causes of 15 KB. */
const MAX_END_BYTES = 524_288;
const MAX_EVENTS = 100;
const MAX_TAIL_BYTES = 32_768;
const MAX_CAUSES = 20;
const MAX_MESSAGE = 2_000;
const MAX_PROMPT_NAME = 200;

export function readRunFacts(spool: Pick<Spool, 'readEvents' | 'readEventsEnd' | 'readOutputEnd'>): RunFacts {
  const first = spool.readEvents(MAX_BEGIN_BYTES).split('\n', MAX_EVENTS).flatMap(parseRecord);
  const last = lastLines(spool.readEventsEnd(MAX_END_BYTES), MAX_EVENTS).flatMap(parseRecord);
  const end = last.findLast(({ kind }) => kind === 'end');
  const prompt = last.findLast(({ kind }) => kind === 'prompt')?.name;
  return {
    isTold: first.length > 0,
    hasBegun: end !== undefined || first.some(({ kind }) => kind === 'play'),
    prompt: typeof prompt === 'string' ? prompt.slice(0, MAX_PROMPT_NAME) : null,
    end: end === undefined ? null : countsOf(end, causesOf(end, last)),
    logTail: withoutEscapes(spool.readOutputEnd(MAX_TAIL_BYTES)),
  };
}

function lastLines(text: string, count: number): string[] {
  let from = text.length;
  for (let lines = 0; lines <= count && from > 0; lines += 1) from = text.lastIndexOf('\n', from - 1);
  return text.slice(from + 1).split('\n');
}

type Fields = Readonly<Record<string, unknown>>;

function parseRecord(line: string): Fields[] {
  try {
    const value: unknown = JSON.parse(line);
    return isFields(value) ? [value] : [];
  } catch {
    return [];
  }
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** The plugin of the previous version, whose runs may end under this one, wrote them into the record of the end. */
function causesOf(end: Fields, records: readonly Fields[]): readonly Fields[] {
  if (Array.isArray(end.causes)) return end.causes.filter(isFields);
  return records.filter(({ kind }) => kind === 'cause');
}

function countsOf(fields: Fields, causes: readonly Fields[]): RunCounts {
  return {
    plays: countOf(fields.plays),
    unmatched: countOf(fields.unmatched),
    tasks: countOf(fields.tasks),
    tagged: fields.tagged === true,
    failed: countOf(fields.failed),
    unreachable: countOf(fields.unreachable),
    causes: causes.slice(-MAX_CAUSES).map((cause) => ({
      status: cause.status === 'unreachable' ? 'unreachable' : 'failed',
      message: typeof cause.message === 'string' ? cause.message.slice(0, MAX_MESSAGE) : '',
      count: countOf(cause.count),
      hosts: Array.isArray(cause.hosts)
        ? (cause.hosts as unknown[]).filter((host) => typeof host === 'string').slice(0, 3)
        : [],
    })),
  };
}

function countOf(value: unknown): number {
  return Number.isSafeInteger(value) ? Math.max(0, value as number) : 0;
}

function withoutEscapes(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape code begins with one
  return text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');
}
