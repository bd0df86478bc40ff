/** How much of a stream is kept of a run that writes more, in bytes: its beginning and its end. */
export interface LogLimit {
  readonly headBytes: number;
  readonly tailBytes: number;
}

/** What was left out between the two. */
export interface LogGap {
  /** Offset in the stream of the first byte left out, at the beginning of a line where lines are not very long. */
  readonly from: number;
  /** Offset of the first byte after it, the same. */
  readonly to: number;
  /** How many lines end in the part that was counted. */
  readonly lineCount: number;
  /** How many bytes were written faster than their lines could be counted; 0 nearly always. */
  readonly uncountedBytes: number;
  readonly limit: LogLimit;
}

/** Three quarters for the beginning, which readers see while it is written, and the rest for the end. */
export function limitOf(bytes: number): LogLimit {
  const tailBytes = Math.floor(bytes / 4);
  return { headBytes: bytes - tailBytes, tailBytes };
}

/** The line that stands in the log for what was left out. @param lastLine number of the line before it */
export function describeGap(gap: LogGap, lastLine: number): string {
  const { from, to, lineCount, uncountedBytes, limit } = gap;
  const bytes = `${count(to - from)} bytes`;
  const limitBytes = count(limit.headBytes + limit.tailBytes);
  const why = `more than the limit of ${limitBytes} bytes was printed`;
  if (uncountedBytes > 0)
    return `[Sible: after line ${count(lastLine)}, ${bytes} are left out here: ${why}. They hold ${count(lineCount)} lines and ${count(uncountedBytes)} bytes that came too fast for their lines to be counted.]`;
  const lines =
    lineCount === 0
      ? 'a part of a line'
      : lineCount === 1
        ? `line ${count(lastLine + 1)}`
        : `lines ${count(lastLine + 1)} to ${count(lastLine + lineCount)}`;
  const howMany = lineCount > 1 ? `${count(lineCount)} lines, ` : '';
  return `[Sible: ${lines} (${howMany}${bytes}) ${lineCount > 1 ? 'are' : 'is'} left out here: ${why}.]`;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
