import { randomBytes } from 'node:crypto';
import { putBounded } from '../domain/bounded-map.ts';

/**
 * Turns results into JSON so that a long string that many clients are sent (lines of a log that they all follow) is
 * serialised once: `replacer`, handed to `JSON.stringify`, puts a short name in its place, and `split` gives the message in
 * parts, with the serialised string where its name stood.
 */
export interface LongStrings {
  replacer(key: string, value: unknown): unknown;
  /** The parts of a message that was just made with `replacer`; to be called before the next one is made. */
  split(message: string): readonly (string | Buffer)[];
}

/** Below this to serialise is cheaper than to share. */
const LONG = 4_096;
/** A batch of lines is 64 KiB. */
const MAX_KEPT = 64;

export function createLongStrings(): LongStrings {
  // nobody can guess it, so nothing that a playbook prints can be taken for it
  const name = `long-${randomBytes(16).toString('hex')}`;
  const nameOf = (index: number) => `"${name}-${index}"`;
  /** JSON by string: strings that are one object are found without being compared. */
  const kept = new Map<string, Buffer>();
  /** By numbers that are never used twice: what an unsent message left cannot be taken for another string. */
  const found = new Map<number, string>();
  let last = 0;

  function jsonOf(text: string): Buffer {
    let json = kept.get(text);
    if (!json) {
      json = Buffer.from(JSON.stringify(text));
      putBounded(kept, text, json, MAX_KEPT);
    }
    return json;
  }

  return {
    replacer(_key, value) {
      if (typeof value !== 'string' || value.length < LONG) return value;
      last += 1;
      found.set(last, value);
      return `${name}-${last}`;
    },

    split(message) {
      if (found.size === 0) return [message];
      const parts: (string | Buffer)[] = [];
      let from = 0;
      for (const [index, text] of found) {
        const at = message.indexOf(nameOf(index), from);
        if (at === -1) continue;
        parts.push(message.slice(from, at), jsonOf(text));
        from = at + nameOf(index).length;
      }
      parts.push(message.slice(from));
      found.clear();
      return parts;
    },
  };
}
