/**
 * What a run writes, each stream to a log of its own: `output` is what it prints, `events` what our callback plugin tells of
 * it, as JSON lines. A playbook can write to both.
 */
export const LOG_STREAMS = ['output', 'events'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];

/**
 * A log is a sequence of lines numbered from 1. A line is what stood between two "\n"; a last line
 * without "\n" counts. Lines are immutable once appended.
 */

/** Lines to append: always the whole rest behind what is stored. */
export interface LogChunk {
  /** Number of the first line, 1 or more. */
  readonly firstLine: number;
  /** 1 or more. */
  readonly lineCount: number;
  /** The lines joined by "\n", without a final one, as valid UTF-8. */
  readonly bytes: Uint8Array;
  /** How many bytes of the stream are covered once this chunk is stored: where a follower goes on. */
  readonly endOffset: number;
}

/** Lines that were read. */
export interface LogLines {
  /** Number of the first line; `after + 1` also when there are none. */
  readonly firstLine: number;
  /** 0 when nothing is stored behind `after`. */
  readonly lineCount: number;
  readonly text: string;
}

/** Lines as a store reads them. */
export interface StoredLines extends LogLines {
  /** Whether the limits ended it, so that it would be the same at any later time. */
  readonly isCut: boolean;
}

/** How far a log has come; zeros when nothing is stored. */
export interface LogHead {
  readonly totalLines: number;
  readonly endOffset: number;
}

export interface LogReadLimits {
  readonly maxLines: number;
  /** In UTF-8 bytes; at least one line is given all the same. */
  readonly maxBytes: number;
}

/** A line longer than this is split, and says so (bytes of UTF-8, without the mark). */
export const MAX_LINE_BYTES = 65_536;

/** Stands at the end of each part of a split line but the last. */
export const SPLIT_MARK = ' …[line longer than 64 KiB, continued on the next line]';
