import { plainText } from './ansi-text.ts';
import type { LogBuffer } from './log-buffer.ts';

/** A place in what a reader sees: line from 1 on, column from 0 on. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What a reader sees between two places, in either order; lines that are not held are left out. */
export function textBetween(buffer: LogBuffer, one: Place, other: Place): string {
  const isForward = one.line < other.line || (one.line === other.line && one.column <= other.column);
  const [from, to] = isForward ? [one, other] : [other, one];
  const last = Math.min(to.line, buffer.count());
  const lines: string[] = [];
  for (let number = Math.max(1, from.line); number <= last; number += 1) {
    const line = plainText(buffer.line(number));
    lines.push(
      line.slice(
        number === from.line ? from.column : 0,
        number === to.line ? Math.min(to.column, line.length) : line.length,
      ),
    );
  }
  return lines.join('\n');
}
