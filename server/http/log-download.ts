import { InvalidInputError } from '../domain/errors.ts';
import type { LogLines, LogTime } from '../domain/logs/run-log.ts';

/** How the lines of a log are sent: text, or one JSON object a line; each with its time, if that is asked for. */
export interface LogFormat {
  readonly contentType: string;
  /** Of the file that a browser saves it as. */
  readonly extension: string;
  /** The text of a batch, which ends in a newline. */
  write(lines: LogLines): Promise<string>;
}

/** When the lines from one number to another were written. */
type FindTimes = (from: number, to: number) => Promise<readonly LogTime[]>;

const FORMATS = ['text', 'jsonl'];

/**
 * @param toText what is sent of the text of lines
 * @throws {InvalidInputError} when there is no such format
 */
export function logFormat(
  format: unknown,
  hasTimes: boolean,
  toText: (text: string) => string,
  findTimes: FindTimes,
): LogFormat {
  if (format !== undefined && !FORMATS.includes(String(format))) {
    const message = `"format" is ${JSON.stringify(format)}; expected "text" or "jsonl".`;
    throw new InvalidInputError([{ path: ['format'], message, position: null }]);
  }
  const isJson = format === 'jsonl';
  const head = isJson
    ? { contentType: 'application/jsonl; charset=utf-8', extension: 'jsonl' }
    : { contentType: 'text/plain; charset=utf-8', extension: 'log' };
  const lineOf = isJson
    ? (line: number, text: string, writtenAt: string | null) =>
        JSON.stringify(hasTimes ? { line, writtenAt, text } : { line, text })
    : (_line: number, text: string, writtenAt: string | null) => `${writtenAt ?? UNKNOWN} ${text}`;
  return {
    ...head,
    async write({ firstLine, lineCount, text }) {
      const shown = toText(text);
      if (!isJson && !hasTimes) return `${shown}\n`;
      const times = hasTimes ? await findTimes(firstLine, firstLine + lineCount - 1) : [];
      let next = 0;
      let writtenAt: string | null = null;
      const lines = shown.split('\n').map((line, i) => {
        for (let time = times[next]; time && time.firstLine <= firstLine + i; time = times[next]) {
          writtenAt = time.writtenAt?.toISOString() ?? null;
          next += 1;
        }
        return lineOf(firstLine + i, line, writtenAt);
      });
      return `${lines.join('\n')}\n`;
    },
  };
}

/** As long as a time, so that the lines stay aligned. */
const UNKNOWN = '-'.padEnd('2026-01-01T00:00:00.000Z'.length);
