import { type RunFile, RunRefusedError } from '../runner.ts';

const OPTION = '--limit=@';
/** Names that Ansible takes for the host of that name and nothing else, whatever the inventory holds. */
const PLAIN = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.:-]*$/u;
const SPECIAL = /[^A-Za-z0-9_]/gu;
/** Ansible splits the option at these, and there is no way to quote them. */
const SPLITS = /[\s,:[\]]/u;

/**
 * A file that limits a run to exactly these hosts. Each line is a pattern of its own: a name like "web*" would
 * match others once its host is gone, and "!web1" alone means all hosts but that one. Such names are written as
 * regular expressions that match only them.
 */
export function limitFile(hosts: readonly string[]): RunFile {
  return { name: 'limit.txt', mode: 0o600, content: `${hosts.map(patternOf).join('\n')}\n`, option: OPTION };
}

/** @throws {RunRefusedError} when Ansible would not find the limit file at this path */
export function requireReadableLimit({ option }: Pick<RunFile, 'option'>, path: string): void {
  if (option !== OPTION || !SPLITS.test(path)) return;
  throw new RunRefusedError(
    `The run cannot be limited to its hosts: Ansible splits "${path}", the path of the file that names them, at blanks, commas, colons and brackets. Move the data folder to a path without them.`,
  );
}

function patternOf(host: string): string {
  return PLAIN.test(host) ? host : `~${host.replace(SPECIAL, escaped)}\\Z`;
}

/** As Python's regular expressions escape it. */
function escaped(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
