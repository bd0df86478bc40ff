import { isUtf8 } from 'node:buffer';
import { MAX_LINE_BYTES, SPLIT_MARK } from './run-log.ts';

/** Splits a byte stream into complete lines. */
export interface LogSplitter {
  /**
   * The lines that `bytes` completes; null when it completes none. They may be a view of `bytes`; no other
   * reference to it is kept.
   */
  push(bytes: Uint8Array): SplitLines | null;
  /** The unfinished last line; null when the stream ended with "\n" or was empty. */
  end(): SplitLines | null;
}

export interface SplitLines {
  readonly lineCount: number;
  /** The lines joined by "\n", as valid UTF-8: invalid bytes have become U+FFFD. */
  readonly bytes: Uint8Array;
  /** How many bytes of the stream are covered up to here, including newlines. */
  readonly endOffset: number;
}

const NEWLINE = 10;

/**
 * Splits at "\n" only: "\r" stays in the line, since a viewer needs it to show progress as a terminal would.
 * A line longer than `MAX_LINE_BYTES` is split at a character boundary, with `SPLIT_MARK` at the end of each
 * part but the last.
 * @param startOffset offset of the first byte in the stream
 */
export function createLogSplitter(startOffset: number): LogSplitter {
  /** The bytes after the last newline. */
  let rest: Uint8Array = new Uint8Array(0);
  /** Offset of the first byte of `rest`. */
  let offset = startOffset;

  return {
    push(bytes) {
      const joined =
        rest.length === 0
          ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
          : Buffer.concat([rest, bytes]);
      const end = joined.lastIndexOf(NEWLINE) + 1;
      const { lines, unfinishedFrom } = splitLong(joined, end);
      // a copy: the caller reuses its buffer, and a view would keep all of it in memory
      rest = Uint8Array.prototype.slice.call(joined, unfinishedFrom);
      if (lines === null) return null;
      offset += unfinishedFrom;
      return { ...lines, endOffset: offset };
    },

    end() {
      if (rest.length === 0) return null;
      const bytes = toValidUtf8(Buffer.from(rest));
      offset += rest.length;
      rest = new Uint8Array(0);
      return { lineCount: 1, bytes, endOffset: offset };
    },
  };
}

/**
 * Lines up to `end` (just after a newline, or 0), and the parts of an unfinished line that is already too
 * long.
 */
function splitLong(
  bytes: Buffer,
  end: number,
): { lines: Omit<SplitLines, 'endOffset'> | null; unfinishedFrom: number } {
  let lineCount = 0;
  let isLong = bytes.length - end > MAX_LINE_BYTES;
  for (let at = 0; at < end; ) {
    const next = bytes.indexOf(NEWLINE, at);
    isLong ||= next - at > MAX_LINE_BYTES;
    lineCount += 1;
    at = next + 1;
  }
  if (!isLong) {
    if (lineCount === 0) return { lines: null, unfinishedFrom: 0 };
    return { lines: { lineCount, bytes: toValidUtf8(bytes.subarray(0, end - 1)) }, unfinishedFrom: end };
  }

  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, at);
    const lineEnd = newline === -1 ? bytes.length : newline;
    while (lineEnd - at > MAX_LINE_BYTES) {
      const cut = characterBoundary(bytes, at + MAX_LINE_BYTES);
      lines.push(bytes.toString('utf8', at, cut) + SPLIT_MARK);
      at = cut;
    }
    if (newline === -1) break;
    lines.push(bytes.toString('utf8', at, lineEnd));
    at = newline + 1;
  }
  return { lines: { lineCount: lines.length, bytes: Buffer.from(lines.join('\n')) }, unfinishedFrom: at };
}

/** Returns the same bytes if they are valid UTF-8, as nearly all are. */
function toValidUtf8(bytes: Buffer): Uint8Array {
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString('utf8'));
}

/** The last character boundary at or before `at`; `at` itself where the bytes are not UTF-8. */
function characterBoundary(bytes: Buffer, at: number): number {
  for (let back = 0; back < 4; back += 1) {
    if (((bytes[at - back] ?? 0) & 0xc0) !== 0x80) return at - back;
  }
  return at;
}
