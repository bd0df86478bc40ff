import { INVISIBLE } from '../invisible.ts';

/** Matches one valid UTF-8 sequence or one invalid byte, in bytes read as Latin-1. */
const SEQUENCE =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

const HIDDEN = new RegExp(`\\\\|${INVISIBLE.source}`, 'gu');

/**
 * How to display a path that cannot be used. Invisible characters and backslashes become backslash escapes. No playbook path
 * contains a backslash, so the result cannot be mistaken for the path of another file.
 */
export function shownPath(path: string): string {
  return path.replace(HIDDEN, (char) => {
    if (char === '\\') return '\\\\';
    if (char === '\n') return '\\n';
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** The same for a name that is not valid UTF-8. @param bytes read as Latin-1 */
export function shownBytes(bytes: string): string {
  // the backslash of a byte escape must not be escaped again
  const parts = bytes.split(SEQUENCE);
  const sequences = bytes.match(SEQUENCE) ?? [];
  return parts
    .map((part, at) => {
      const sequence = sequences[at] ?? '';
      const isText = sequence.length > 1;
      const shown = isText
        ? shownPath(Buffer.from(sequence, 'latin1').toString('utf8'))
        : sequence && `\\x${sequence.charCodeAt(0).toString(16)}`;
      return shownPath(part) + shown;
    })
    .join('');
}
