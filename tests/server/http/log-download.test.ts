import { expect, it } from 'vitest';
import { InvalidInputError } from '../../../server/domain/errors.ts';
import { logFormat } from '../../../server/http/log-download.ts';

const BATCH = { firstLine: 3, lineCount: 4, text: 'three\nfo"ur\n\nsix' };
const [AT, LATER] = [new Date('2026-11-23T12:00:00.000Z'), new Date('2026-11-23T12:00:01.500Z')];
const findTimes = async () => [
  { firstLine: 3, writtenAt: null },
  { firstLine: 4, writtenAt: AT },
  { firstLine: 6, writtenAt: LATER },
];
const write = (format: unknown, hasTimes: boolean) =>
  logFormat(format, hasTimes, (text) => text, findTimes).write(BATCH);

it('gives the lines as they are', async () => {
  expect(await write(undefined, false)).toBe('three\nfo"ur\n\nsix\n');
  expect(await write('text', false)).toBe('three\nfo"ur\n\nsix\n');
});

it('gives each line with its time', async () => {
  expect(await write('text', true)).toBe(
    `${'-'.padEnd(24)} three\n${AT.toISOString()} fo"ur\n${AT.toISOString()} \n${LATER.toISOString()} six\n`,
  );
});

it('gives JSON lines', async () => {
  expect(await write('jsonl', false)).toBe(
    '{"line":3,"text":"three"}\n{"line":4,"text":"fo\\"ur"}\n{"line":5,"text":""}\n{"line":6,"text":"six"}\n',
  );
  const timed = (await write('jsonl', true)).trim().split('\n');
  expect(timed.map((line): unknown => JSON.parse(line))).toEqual([
    { line: 3, writtenAt: null, text: 'three' },
    { line: 4, writtenAt: AT.toISOString(), text: 'fo"ur' },
    { line: 5, writtenAt: AT.toISOString(), text: '' },
    { line: 6, writtenAt: LATER.toISOString(), text: 'six' },
  ]);
});

it('refuses a format that there is not', () => {
  expect(() => logFormat('xml', false, (text) => text, findTimes)).toThrow(InvalidInputError);
});
