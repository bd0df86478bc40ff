import type { StoredLog } from '../logs/stored-log.ts';

/** Single lines of the stream `events` of a run, read in batches where they lie close together. */
export interface EventLines {
  /** The text of this line; "" when it is not stored. Ask in ascending order. */
  at(line: number): Promise<string>;
}

const BATCH = { maxLines: 1_000, maxBytes: 131_072 };

export function createEventLines(log: Pick<StoredLog, 'read'>, runId: string): EventLines {
  let first = 0;
  let lines: readonly string[] = [];
  return {
    async at(line) {
      if (line < first || line >= first + lines.length) {
        const { lineCount, text } = await log.read(runId, line - 1, BATCH);
        first = line;
        lines = lineCount === 0 ? [] : text.split('\n');
      }
      return lines[line - first] ?? '';
    },
  };
}
