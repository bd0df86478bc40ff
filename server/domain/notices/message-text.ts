import type { NoticeEvent } from '../notice-event.ts';
import type { Message } from './notice.ts';

/** What a message says in words, for channels that show text. Nothing in it is escaped, and no line has a break. */
export interface MessageText {
  /** One line. */
  readonly title: string;
  /** The notices, the first of them if there are many. */
  readonly sections: readonly MessageSection[];
  /** How many notices are left out. */
  readonly omitted: number;
  /** Whether it is about something that went wrong. */
  readonly isBad: boolean;
}

export interface MessageSection {
  /** E.g. "Nightly update failed". */
  readonly heading: string;
  /** Schedule and playbook, what failed where, duration. */
  readonly lines: readonly string[];
  /** Null: the address of the console is not known. */
  readonly url: string | null;
}

const WORDS: { readonly [E in NoticeEvent]: { readonly verb: string; readonly isBad: boolean } } = {
  failed: { verb: 'failed', isBad: true },
  recovered: { verb: 'recovered', isBad: false },
  succeeded: { verb: 'succeeded', isBad: false },
  missed: { verb: 'missed', isBad: true },
  late: { verb: 'started late', isBad: true },
  broken: { verb: 'cannot fire', isBad: true },
  drifted: { verb: 'drifted', isBad: true },
};
const MAX_SECTIONS = 10;
const MAX_FAILURES = 3;
const MAX_HOSTS = 3;
const MAX_LINE = 300;

export function messageText({ notices, isTest }: Message): MessageText {
  return {
    title: `${isTest ? 'Test: ' : ''}${titleOf(notices)}`,
    sections: notices.slice(0, MAX_SECTIONS).map(sectionOf),
    omitted: Math.max(0, notices.length - MAX_SECTIONS),
    isBad: notices.some(({ event }) => WORDS[event].isBad),
  };
}

type Notices = Message['notices'];

function titleOf(notices: Notices): string {
  const [first] = notices;
  if (first && notices.length === 1) return headingOf(first);
  const events = [...new Set(notices.map(({ event }) => event))];
  const counts = events.map((event) => {
    const count = new Set(notices.filter((one) => one.event === event).map(({ schedule }) => schedule.id))
      .size;
    return `${count} ${count === 1 ? 'schedule' : 'schedules'} ${WORDS[event].verb}`;
  });
  const causes = new Set(notices.map(causeOf));
  const isSame = events.length === 1 && causes.size === 1 && !causes.has(null);
  return `${counts.join(', ')}${isSame ? ': same cause' : ''}`;
}

function causeOf({ failures, reason }: Notices[number]): string | null {
  return failures[0]?.message ?? reason;
}

function headingOf({ schedule, event }: Notices[number]): string {
  return oneLine(`${schedule.name} ${WORDS[event].verb}`);
}

function sectionOf(notice: Notices[number]): MessageSection {
  const { playbook, run, scheduledFor, reason, failures, url } = notice;
  const lines = [`Playbook ${playbook}`];
  if (scheduledFor) lines.push(`Scheduled for ${scheduledFor.toISOString().slice(0, 19)}Z`);
  if (run?.durationMs != null) lines.push(`Ran for ${inWords(run.durationMs)}`);
  lines.push(...failures.slice(0, MAX_FAILURES).map(failureLine));
  if (failures.length > MAX_FAILURES) lines.push(`and ${failures.length - MAX_FAILURES} more failures`);
  if (reason !== null && failures.length === 0) lines.push(reason);
  return { heading: headingOf(notice), lines: lines.map(oneLine), url };
}

/** E.g. "web3 and 2 more: permission denied". */
function failureLine({ hosts, task, message }: Notices[number]['failures'][number]): string {
  const shown = hosts.slice(0, hosts.length > MAX_HOSTS ? 1 : MAX_HOSTS).join(', ');
  const more = hosts.length > MAX_HOSTS ? ` and ${hosts.length - 1} more` : '';
  const where = [shown + more, task].filter((part) => part !== '').join(', ');
  return where === '' ? message : `${where}: ${message}`;
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Control characters, line separators and what rearranges text become blanks. */
function oneLine(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ').trim();
  return plain.length <= MAX_LINE ? plain : `${plain.slice(0, MAX_LINE)}…`;
}
