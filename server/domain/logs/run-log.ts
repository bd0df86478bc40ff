/**
 * The streams of a run, each stored as a log of its own: `output` is what it prints, `events` are JSON lines
 * about it from our callback plugin. A playbook can write to both.
 */
export const LOG_STREAMS = ['output', 'events'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];

/**
 * A log is a sequence of lines numbered from 1. A line is the text between two "\n"; a last line without "\n"
 * counts. Lines are immutable once appended.
 */

/** Lines to append, contiguous with those already stored. */
export interface LogChunk {
  /** Number of the first line, 1 or more. */
  readonly firstLine: number;
  /** 1 or more. */
  readonly lineCount: number;
  /** The lines joined by "\n", without a trailing one, as valid UTF-8. */
  readonly bytes: Uint8Array;
  /** How many bytes of the stream are covered once this chunk is stored: where a follower resumes. */
  readonly endOffset: number;
  /** When it was read from the program's output; absent: unknown. */
  readonly writtenAt?: Date;
}

/** When lines of a log were written: those from `firstLine` on, up to the next of these. */
export interface LogTime {
  readonly firstLine: number;
  /** Accurate to about the time that storing takes; later where no server was there to read them; null: unknown. */
  readonly writtenAt: Date | null;
}

/** Lines read from a log. */
export interface LogLines {
  /** Number of the first line; `after + 1` even if there are none. */
  readonly firstLine: number;
  /** 0 when nothing is stored after `after`. */
  readonly lineCount: number;
  readonly text: string;
}

/** Lines read from a store. */
export interface StoredLines extends LogLines {
  /** Whether a limit cut the result short, so that the same read would always give the same lines. */
  readonly isCut: boolean;
}

/** How much of a log is stored; zeros when nothing is. */
export interface LogHead {
  readonly totalLines: number;
  readonly endOffset: number;
}

export interface LogReadLimits {
  readonly maxLines: number;
  /** In UTF-8 bytes; at least one line is returned regardless. */
  readonly maxBytes: number;
}

/** A longer line is split and marked (in UTF-8 bytes, without the mark). */
export const MAX_LINE_BYTES = 65_536;

/** Appended to each part of a split line but the last. */
export const SPLIT_MARK = ' …[line longer than 64 KiB, continued on the next line]';
