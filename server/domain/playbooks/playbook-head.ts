/**
 * A guess from the first bytes of a YAML file. `no`: not a list, or a list without plays and imports;
 * `likely`: an item has "hosts" or "import_playbook" where a play would; `maybe`: only reading the whole file
 * can tell.
 */
export type HeadVerdict = 'no' | 'maybe' | 'likely' | 'vault';

/** Size of a file's head in bytes. */
export const HEAD_BYTES = 65_536;
const UTF16LE_BOM = '\xff\xfe';
const UTF16BE_BOM = '\xfe\xff';

/** @param isWhole whether the bytes are all of the file */
export function judgeHead(head: Buffer, isWhole: boolean): HeadVerdict {
  if (head.subarray(0, 14).toString('latin1') === '$ANSIBLE_VAULT') return 'vault';
  const text = linesOf(head);
  const mentions = text.includes('hosts') || text.includes('import_playbook');
  if (!mentions && isWhole) return 'no';
  const begin = firstContent(text);
  if (begin === null) return isWhole ? 'no' : 'maybe';
  const [first, second] = [text[begin], text[begin + 1]];
  const isBlockList = first === '-' && (second === ' ' || second === '\t' || second === '\n');
  // a flow sequence, a tag or an anchor
  if (first === '[' || first === '!' || first === '&') return 'maybe';
  if (!isBlockList) return 'no';
  return hasKeyOfPlay(text) ? 'likely' : 'maybe';
}

/** Decodes the head and normalizes line breaks to "\n": YAML 1.1, which Ansible reads, has others as well. */
function linesOf(head: Buffer): string {
  return decode(head).replace(/[\r\u0085\u2028\u2029]/g, '\n');
}

function decode(head: Buffer): string {
  const mark = head.subarray(0, 2).toString('latin1');
  if (mark === UTF16LE_BOM) return head.toString('utf16le');
  // with an odd number of bytes, the last one is half a character
  if (mark === UTF16BE_BOM)
    return Buffer.from(head.subarray(0, head.length & ~1))
      .swap16()
      .toString('utf16le');
  return head.toString('utf8');
}

const KEYS_OF_PLAYS = [
  'hosts',
  'import_playbook',
  'ansible.builtin.import_playbook',
  'ansible.legacy.import_playbook',
];

/**
 * Whether a line begins with such a key and its colon: at any depth, optionally as the first key of a list
 * item, optionally quoted.
 */
function hasKeyOfPlay(text: string): boolean {
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    const colon = text.indexOf(':', at);
    if (colon === -1) return false;
    if (colon < end && KEYS_OF_PLAYS.includes(bareKey(text.slice(at, colon)))) return true;
    at = end + 1;
  }
  return false;
}

function bareKey(text: string): string {
  const key = text.trim();
  const item = key.startsWith('- ') ? key.slice(2).trim() : key;
  const quote = item[0];
  const isQuoted = (quote === '"' || quote === "'") && item.endsWith(quote);
  return isQuoted ? item.slice(1, -1) : item;
}

/**
 * Offset of the first content after blanks, comments, directives and document markers; null: there is none.
 */
function firstContent(text: string): number | null {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  while (at < text.length) {
    const end = text.indexOf('\n', at);
    const next = end === -1 ? text.length : end + 1;
    if (text.startsWith('---', at)) {
      at += 3;
      if (text[at] === ' ' || text[at] === '\t') continue;
    }
    while (text[at] === ' ' || text[at] === '\t') at += 1;
    const char = text[at];
    if (at < next && char !== undefined && !'\n#%'.includes(char)) return at;
    at = next;
  }
  return null;
}
