import { checkText, type TextFault } from './text.ts';

const MAX_LENGTH = 1_000;
/** Whitespace as Python defines it, which is more than JavaScript does. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python strips these
const BLANK = /[\s\u001c-\u001f\u0085]/u;

/**
 * Checks a host pattern. Ansible splits it, and takes a part that begins with "@" as the name of a file with
 * patterns, whose lines it prints into the log.
 * @see split_host_pattern and subset in
 * https://github.com/ansible/ansible/blob/stable-2.19/lib/ansible/inventory/manager.py
 */
export function checkLimit(limit: string): TextFault | null {
  const fault = checkText(limit, 'The limit', MAX_LENGTH);
  if (fault) return fault;
  for (const position of partStarts(limit)) {
    const first = limit[position];
    if (first === '@' || first === '-') {
      return {
        message: `A limit is a host pattern; no part of it can begin with "${first}"${first === '@' ? ', which would name a file' : ''}.`,
        position,
      };
    }
  }
  return null;
}

/**
 * Start offsets of a pattern's parts, as Ansible splits it: at commas if there are any; otherwise at blanks,
 * colons and unpaired brackets, so that "web[0:5]" and "[::1]" stay whole. Ansible does not split a single
 * address, but splitting it here does no harm: no part of it begins with "@" or "-" unless the whole does.
 */
function partStarts(pattern: string): number[] {
  const starts: number[] = [];
  const byComma = pattern.includes(',');
  let isInside = false;
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (byComma ? character === ',' : character === ':' || character === ']' || BLANK.test(character)) {
      isInside = false;
      continue;
    }
    if (byComma && !isInside && BLANK.test(character)) continue;
    const closing = !byComma && character === '[' ? pattern.indexOf(']', at) : -1;
    if (!byComma && character === '[' && closing === -1) {
      isInside = false;
      continue;
    }
    if (!isInside) starts.push(at);
    isInside = true;
    if (closing !== -1) at = closing;
  }
  return starts;
}
