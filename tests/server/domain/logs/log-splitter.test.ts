import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogSplitter, type SplitLines } from '../../../../server/domain/logs/log-splitter.ts';
import { MAX_LINE_BYTES, SPLIT_MARK } from '../../../../server/domain/logs/run-log.ts';

interface TextLines extends Omit<SplitLines, 'bytes'> {
  readonly text: string;
}

function toText(lines: SplitLines | null): TextLines[] {
  if (lines === null) return [];
  const { bytes, ...rest } = lines;
  return [{ ...rest, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }];
}

function split(pieces: readonly (string | Uint8Array)[], startOffset = 0): TextLines[] {
  const splitter = createLogSplitter(startOffset);
  const pushed = pieces.flatMap((piece) => toText(splitter.push(Buffer.from(piece as Uint8Array))));
  return [...pushed, ...toText(splitter.end())];
}

const textOf = (parts: readonly TextLines[]) => parts.map((part) => part.text).join('\n');

describe('createLogSplitter', () => {
  it('gives lines when they are complete, and the rest at the end', () => {
    expect(split(['a\nb', 'c\n', '', 'd'])).toEqual([
      { lineCount: 1, text: 'a', endOffset: 2 },
      { lineCount: 1, text: 'bc', endOffset: 5 },
      { lineCount: 1, text: 'd', endOffset: 6 },
    ]);
  });

  it('gives empty lines, keeps "\\r", and nothing for a stream of nothing', () => {
    expect(split(['\n\na\r\n10 %\r20 %\n'])).toEqual([
      { lineCount: 4, text: '\n\na\r\n10 %\r20 %', endOffset: 15 },
    ]);
    expect(split([])).toEqual([]);
    expect(split([''])).toEqual([]);
  });

  it('counts bytes from where it begins', () => {
    expect(split(['ä\n'], 100)).toEqual([{ lineCount: 1, text: 'ä', endOffset: 103 }]);
  });

  it('splits a line that is one byte too long, and not one that just fits', () => {
    const fits = 'x'.repeat(MAX_LINE_BYTES);
    expect(textOf(split([`${fits}\n`]))).toBe(fits);
    expect(textOf(split([`${fits}y\n`]))).toBe(`${fits}${SPLIT_MARK}\ny`);
    // also before its end has come
    expect(toText(createLogSplitter(0).push(Buffer.from(`${fits}yz`)))).toEqual([
      { lineCount: 1, text: fits + SPLIT_MARK, endOffset: MAX_LINE_BYTES },
    ]);
  });

  it('splits a long line between characters', () => {
    const parts = split([`${'x'.repeat(MAX_LINE_BYTES - 1)}🚀🚀\n`]);
    expect(textOf(parts)).toBe(`${'x'.repeat(MAX_LINE_BYTES - 1)}${SPLIT_MARK}\n🚀🚀`);
  });

  it('however the bytes are cut, lines, counts and offsets are the same', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }).map((bytes) => bytes.map((byte) => (byte < 60 ? 10 : byte))),
        fc.array(fc.nat(299), { maxLength: 10 }),
        (bytes, cuts) => {
          const at = [
            0,
            ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b),
            bytes.length,
          ];
          const parts = split(at.slice(1).map((end, i) => bytes.subarray(at[i], end)));

          const whole = Buffer.from(bytes).toString('utf8');
          const expected = whole.endsWith('\n') ? whole.slice(0, -1) : whole;
          expect(textOf(parts)).toBe(expected);
          expect(parts.reduce((sum, part) => sum + part.lineCount, 0)).toBe(
            bytes.length === 0 ? 0 : expected.split('\n').length,
          );
          expect(parts.at(-1)?.endOffset ?? 0).toBe(bytes.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});
