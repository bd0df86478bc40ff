// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { createLineStyles } from '../../client/features/runs/line-styles.ts';
import { createLogBuffer } from '../../client/features/runs/log-buffer.ts';
import { createMeasuredRows, ROW_PX } from '../../client/features/runs/row-heights.ts';
import { MAX_HEIGHT_PX, scrollScale } from '../../client/features/runs/scroll-scale.ts';

describe('log buffer', () => {
  it('joins batches and finds every line', () => {
    const buffer = createLogBuffer();
    expect(buffer.append({ firstLine: 1, lineCount: 3, text: 'a\n\nc' })).toBe(true);
    expect(buffer.append({ firstLine: 4, lineCount: 1, text: '' })).toBe(true);
    expect(buffer.append({ firstLine: 5, lineCount: 2, text: 'e\nf' })).toBe(true);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((n) => buffer.line(n))).toEqual(['', 'a', '', 'c', '', 'e', 'f', '']);
  });

  it('leaves out what it holds, also in part, and refuses a gap', () => {
    const buffer = createLogBuffer();
    buffer.append({ firstLine: 1, lineCount: 2, text: 'a\nb' });
    expect(buffer.append({ firstLine: 1, lineCount: 2, text: 'a\nb' })).toBe(true);
    expect(buffer.append({ firstLine: 2, lineCount: 2, text: 'b\nc' })).toBe(true);
    expect(buffer.append({ firstLine: 5, lineCount: 1, text: 'e' })).toBe(false);
    expect(buffer.count()).toBe(3);
    expect(buffer.line(3)).toBe('c');
  });
});

describe('styles that go on over several lines', () => {
  const open = (lines: readonly string[], perBatch: number) => {
    const buffer = createLogBuffer();
    for (let at = 0; at < lines.length; at += perBatch) {
      const some = lines.slice(at, at + perBatch);
      buffer.append({ firstLine: at + 1, lineCount: some.length, text: some.join('\n') });
    }
    return createLineStyles(buffer);
  };
  const lines = ['a', '\u001b[31mb', 'c', '\u001b[1md', '\u001b]0;\u001b[32m', 'e', '\u001b[0mf', 'g'];
  const colors = [null, null, 1, 1, 1, 1, 1, null];

  it.each([1, 2, 3, 100])('are known whichever line is read first, with %i lines in a batch', (perBatch) => {
    for (const [index, color] of colors.entries()) {
      expect(open(lines, perBatch).before(index + 1).color, `line ${index + 1}`).toBe(color);
    }
    const styles = open(lines, perBatch);
    expect([6, 3, 8, 1].map((line) => styles.before(line).color)).toEqual([1, 1, null, null]);
    expect(styles.before(6).isBold).toBe(true);
  });
});

describe('heights of rows', () => {
  it('are estimated, corrected when measured, and exact in sum', () => {
    const rows = createMeasuredRows();
    rows.grow(2_000, (row) => (row % 2 === 0 ? ROW_PX : 2 * ROW_PX));
    expect(rows.totalPx()).toBe(2_000 * 30);
    expect([rows.topOf(1_001), rows.rowAt(rows.topOf(1_001)), rows.rowAt(rows.topOf(1_001) - 1)]).toEqual([
      30_020, 1_001, 1_000,
    ]);
    expect([rows.measure(3, 100), rows.measure(3, 100)]).toEqual([true, false]);
    expect([rows.topOf(1_001), rows.totalPx(), rows.rowAt(1e9), rows.rowAt(-5)]).toEqual([
      30_080, 60_060, 1_999, 0,
    ]);
  });
});

describe('scroll scale', () => {
  it.each([10, 1_000, 1_000_000, 5_000_000])('reaches both ends of %i rows, and back', (rows) => {
    const contentPx = rows * ROW_PX;
    const scale = scrollScale(contentPx, 600);
    expect(scale.heightPx).toBeLessThanOrEqual(MAX_HEIGHT_PX);
    const lastTop = Math.max(0, scale.heightPx - 600);
    expect([scale.toContent(0), scale.toContent(lastTop)]).toEqual([0, Math.max(0, contentPx - 600)]);
    for (let share = 0; share <= 1; share += 0.01)
      expect(scale.toScrollTop(scale.toContent(share * lastTop))).toBeCloseTo(share * lastTop, 3);
  });
});
