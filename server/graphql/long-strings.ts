import { randomBytes } from 'node:crypto';
import { putBounded } from '../domain/bounded-map.ts';

/**
 * Serialises results so that a long string sent to many clients (log lines that they all follow) is
 * serialised only once: `replacer`, for `JSON.stringify`, substitutes a short placeholder, and `split`
 * returns the message in parts, with the serialised string in place of the placeholder.
 */
export interface LongStrings {
  replacer(key: string, value: unknown): unknown;
  /** The parts of a message just serialised with `replacer`; call before serialising the next one. */
  split(message: string): readonly (string | Buffer)[];
}

/** Below this, serialising is cheaper than sharing. */
const LONG = 4_096;
/** A batch of lines is 64 KiB. */
const MAX_KEPT = 64;

export function createLongStrings(): LongStrings {
  // unguessable, so that no playbook can print a placeholder
  const name = `long-${randomBytes(16).toString('hex')}`;
  const nameOf = (index: number) => `"${name}-${index}"`;
  /** JSON by string. Looking up the identical string object needs no comparison. */
  const kept = new Map<string, Buffer>();
  /**
   * By numbers that are never reused, so that a leftover of an unsent message cannot stand for another
   * string.
   */
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
