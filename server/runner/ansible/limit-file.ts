import { isIPv6 } from 'node:net';
import { type RunFile, RunRefusedError } from '../runner.ts';

const OPTION = '--limit=@';
/** Names that Ansible takes for the host of that name and nothing else, whatever the inventory holds. */
const PLAIN = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.:-]*$/u;
const SPECIAL = /[^A-Za-z0-9_]/gu;
/** Ansible splits the option at these, and there is no way to quote them. */
const SPLITS = /[\s,:[\]]/u;

/** Groups that every inventory has: as a limit, such a name never means one host. */
const GROUPS: ReadonlySet<string> = new Set(['all', 'ungrouped']);

/**
 * A file that limits a run to exactly these hosts. Each line is a pattern of its own: a name like "web*" would
 * match others once its host is gone, and "!web1" alone means all hosts but that one. Such names are written as
 * regular expressions that match only them.
 * @param limit of the parameters, which the file replaces: it stays in force, because a host that is gone may
 * have the name of a group; null: none
 * @throws {RunRefusedError} when a name means all hosts
 */
export function limitFile(hosts: readonly string[], limit: string | null): RunFile {
  const group = hosts.find((host) => GROUPS.has(host));
  if (group !== undefined)
    throw new RunRefusedError(`The run cannot be limited to a host "${group}": that is the name of a group.`);
  const lines = [...hosts.map(patternOf), ...constraintsOf(limit)];
  return { name: 'limit.txt', mode: 0o600, content: `${lines.join('\n')}\n`, option: OPTION };
}

export function isLimitFile({ option }: Pick<RunFile, 'option'>): boolean {
  return option === OPTION;
}

/** @throws {RunRefusedError} when Ansible would not find the limit file at this path */
export function requireReadableLimit({ option }: Pick<RunFile, 'option'>, path: string): void {
  if (!isLimitFile({ option }) || !SPLITS.test(path)) return;
  throw new RunRefusedError(
    `The run cannot be limited to its hosts: Ansible splits "${path}", the path of the file that names them, at blanks, commas, colons and brackets. Move the data folder to a path without them.`,
  );
}

/**
 * What a limit demands of every host: its "!" and "&" parts, and its only other part. Of several others a host
 * has to match only one, which no pattern can demand.
 * @see ansible-core, lib/ansible/inventory/manager.py (split_host_pattern)
 */
function constraintsOf(limit: string | null): string[] {
  if (limit === null) return [];
  const parts = splitPattern(limit);
  const constraints = parts.filter((part) => /^[!&]/.test(part));
  const others = parts.filter((part) => !/^[!&]/.test(part));
  return others.length === 1 ? [`&${others[0]}`, ...constraints] : constraints;
}

/** As Ansible does: at commas, or else at colons that are of no address, port or range. */
function splitPattern(pattern: string): string[] {
  const parts = pattern.includes(',')
    ? pattern.split(',')
    : isAddress(pattern)
      ? [pattern]
      : splitAtColons(pattern);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function splitAtColons(pattern: string): string[] {
  const parts = [''];
  let isInBrackets = false;
  for (const character of pattern) {
    if (character === '[') isInBrackets = true;
    if (character === ']') isInBrackets = false;
    if (character === ':' && !isInBrackets) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/** An IPv6 address, or a host with a port. */
function isAddress(pattern: string): boolean {
  return isIPv6(pattern) || /^[^:!&]+:\d+$/.test(pattern);
}

function patternOf(host: string): string {
  return PLAIN.test(host) ? host : `~${host.replace(SPECIAL, escaped)}\\Z`;
}

/** As Python's regular expressions escape it. */
function escaped(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
