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

/** The plugin writes at most a third of it. */
const MAX_EVENT_BYTES = 524_288;
const MAX_EVENTS = 100;
const MAX_TAIL_BYTES = 32_768;
const MAX_CAUSES = 20;
const MAX_MESSAGE = 2_000;
const MAX_PROMPT_NAME = 200;

export function readRunFacts(spool: Pick<Spool, 'readEvents' | 'readOutputEnd'>): RunFacts {
  const events = spool.readEvents(MAX_EVENT_BYTES);
  const records = events.split('\n', MAX_EVENTS).flatMap(parseRecord);
  const end = records.find(({ kind }) => kind === 'end');
  const prompt = records.find(({ kind }) => kind === 'prompt')?.name;
  return {
    isTold: records.length > 0,
    hasBegun: end !== undefined || records.some(({ kind }) => kind === 'play'),
    prompt: typeof prompt === 'string' ? prompt.slice(0, MAX_PROMPT_NAME) : null,
    end: end === undefined ? null : countsOf(end),
    logTail: withoutEscapes(spool.readOutputEnd(MAX_TAIL_BYTES)),
  };
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

function countsOf(fields: Fields): RunCounts {
  const causes = Array.isArray(fields.causes) ? (fields.causes as unknown[]).slice(0, MAX_CAUSES) : [];
  return {
    plays: countOf(fields.plays),
    unmatched: countOf(fields.unmatched),
    tasks: countOf(fields.tasks),
    tagged: fields.tagged === true,
    failed: countOf(fields.failed),
    unreachable: countOf(fields.unreachable),
    causes: causes.filter(isFields).map((cause) => ({
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
