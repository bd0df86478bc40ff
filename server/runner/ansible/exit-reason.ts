import { causeIn, flat } from './known-causes.ts';
import type { RunCounts, RunFacts, Trouble } from './run-facts.ts';

/**
 * Why a run that ended by itself ended as it did, in words; null when the exit code says it all. Repeats only
 * names from foreign text, never a message, which may contain a secret.
 * @param exitCode of ansible-playbook
 */
export function reasonOf(exitCode: number, facts: RunFacts): string | null {
  switch (exitCode) {
    case 0:
      return nothingRan(facts);
    case 2:
      return hostsReason('failed', facts) ?? optionsReason(facts) ?? someFailed(facts);
    case 4:
    case 6:
      return unreachableOrUnparsed(facts);
    default:
      return otherReason(exitCode, facts);
  }
}

/** @see ansible-core, lib/ansible/errors/__init__.py (ExitCode): 4 means an unreachable host or a syntax error. */
function unreachableOrUnparsed(facts: RunFacts): string {
  const unreachable = hostsReason('unreachable', facts);
  if (unreachable) return sentences(unreachable, hostsReason('failed', facts));
  const hasRecap = facts.end !== null || facts.logTail.includes('PLAY RECAP');
  if (hasRecap) return 'One or more hosts could not be reached.';
  const cause = causeIn(lastError(facts.logTail));
  if (facts.hasBegun) return withCause('It stopped: a part of the playbook could not be parsed', cause);
  if (facts.isTold || facts.logTail.includes('ERROR'))
    return withCause('Nothing ran: the playbook or its variables could not be parsed', cause);
  return 'One or more hosts could not be reached, or the playbook could not be parsed.';
}

const OTHER_CODES: Readonly<Record<number, string>> = {
  1: 'Ansible reported an error',
  5: 'Ansible did not accept its options',
  99: 'It was interrupted',
  126: 'ansible-playbook could not be executed',
  127: 'ansible-playbook was not found, or the interpreter that it names',
  250: 'Ansible met an unexpected error',
};

function otherReason(exitCode: number, facts: RunFacts): string | null {
  const text = OTHER_CODES[exitCode];
  if (text === undefined) return null;
  if (exitCode === 1 && facts.prompt !== null) {
    const did = facts.hasBegun ? 'It stopped' : 'Nothing ran';
    return `${did}: the playbook asks for "${printable(facts.prompt)}" (vars_prompt), and nobody is there to answer; give it as an extra variable.`;
  }
  const isAnsible = exitCode === 1 || exitCode === 250;
  const cause = isAnsible ? causeIn(lastError(facts.logTail)) : null;
  // without the plugin it is unknown whether a play began
  const isBefore = cause !== null && !facts.hasBegun && !facts.logTail.includes('PLAY [');
  return withCause(isBefore && exitCode === 1 ? 'Nothing ran' : text, cause);
}

function optionsReason(facts: RunFacts): string | null {
  if (facts.hasBegun || facts.logTail.includes('PLAY [')) return null;
  const isUsage = /(?:^|\n)usage: /.test(facts.logTail);
  return isUsage ? 'Nothing ran: Ansible did not accept its options.' : null;
}

/** A failed include ends old versions of Ansible without any event. */
function someFailed({ end, logTail }: RunFacts): string {
  return withCause('One or more hosts failed', end === null ? causeIn(lastError(logTail)) : null);
}

function nothingRan(facts: RunFacts): string | null {
  const { end, logTail } = facts;
  if (end === null) return !facts.isTold && showsNoHost(logTail) ? noHostMatched(logTail) : null;
  if (end.plays === 0) return 'Nothing ran: the playbook has no plays.';
  if (end.unmatched === end.plays) return noHostMatched(logTail);
  return end.tagged && end.tasks === 0 ? 'Nothing ran: no task has the tags that were asked for.' : null;
}

/** Whether the log shows every play skipped for lack of hosts, and an empty recap; for runs without our plugin. */
function showsNoHost(logTail: string): boolean {
  const plays = logTail.match(/^PLAY \[/gm)?.length ?? 0;
  const skipped = logTail.match(/^skipping: no hosts matched$/gm)?.length ?? 0;
  const recap = logTail.lastIndexOf('PLAY RECAP ');
  return plays > 0 && plays === skipped && recap >= 0 && /^[*\s]*$/.test(logTail.slice(recap + 11));
}

function noHostMatched(logTail: string): string {
  const text = flat(logTail);
  if (/Unable to parse .{1,500} as an inventory source/.test(text))
    return 'Nothing ran: no host matched. An inventory could not be read.';
  return text.includes('only implicit localhost is available') || text.includes('hosts list is empty')
    ? 'Nothing ran: no host matched, because the inventory has no hosts.'
    : 'Nothing ran: no host matched.';
}

const MAX_CAUSES_TOLD = 3;

/** Which hosts, and why if known; null when there are none. */
function hostsReason(status: Trouble['status'], { end }: RunFacts): string | null {
  const count = end?.[status] ?? 0;
  if (end === null || count === 0) return null;
  const groups = groupByCause(end, status);
  const did = status === 'failed' ? 'failed' : 'could not be reached';
  const [first, ...others] = groups;
  if (!first) return `${manyHosts(count)} ${did}.`;
  const [only] = first.hosts;
  if (count === 1 && only !== undefined) return withCause(`Host ${only} ${did}`, first.cause);
  if (others.length === 0) return withCause(`${manyHosts(count)} ${did} (${namesOf(first)})`, first.cause);
  const told = groups
    .slice(0, MAX_CAUSES_TOLD)
    .map((group) => (group.cause === null ? namesOf(group) : `${namesOf(group)} (${group.cause})`));
  const more = groups.length > MAX_CAUSES_TOLD ? ' and others' : '';
  return `${manyHosts(count)} ${did}: ${told.join('; ')}${more}.`;
}

interface Group {
  readonly cause: string | null;
  count: number;
  readonly hosts: string[];
}

/** Most frequent first. */
function groupByCause(end: RunCounts, status: Trouble['status']): Group[] {
  const groups = new Map<string | null, Group>();
  for (const trouble of end.causes) {
    if (trouble.status !== status) continue;
    const cause = causeIn(trouble.message);
    const group = groups.get(cause) ?? { cause, count: 0, hosts: [] };
    groups.set(cause, group);
    group.count += trouble.count;
    group.hosts.push(...trouble.hosts.map(printable));
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

function namesOf({ hosts, count }: Group): string {
  const told = hosts.slice(0, 3);
  const left = count - told.length;
  return left > 0 ? `${told.join(', ')} and ${left} more` : told.join(', ');
}

const manyHosts = (count: number) => (count === 1 ? '1 host' : `${count} hosts`);

const MAX_NAME = 60;

/** Makes a foreign name safe to show: replaces control, invisible and bidi characters, and clips it. */
function printable(name: string): string {
  const text = name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd');
  return text.length <= MAX_NAME ? text : `${text.slice(0, MAX_NAME).toWellFormed()}…`;
}

function withCause(text: string, cause: string | null): string {
  return cause === null ? `${text}.` : `${text}: ${cause}.`;
}

function sentences(...texts: readonly (string | null)[]): string {
  return texts.filter((text) => text !== null).join(' ');
}

/** The log from Ansible's last error on; "" when it printed none. */
function lastError(logTail: string): string {
  const at = Math.max(logTail.lastIndexOf('ERROR! '), logTail.lastIndexOf('[ERROR]: '));
  return at < 0 ? '' : logTail.slice(at, at + 2_000);
}
