// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { createLogBuffer } from '../../client/features/runs/log-buffer.ts';
import { MAX_HEIGHT_PX, ROW_PX, scrollScale } from '../../client/features/runs/scroll-scale.ts';

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

  it('searches all lines, at most so many', () => {
    const buffer = createLogBuffer();
    for (let n = 0; n < 100; n += 1)
      buffer.append({ firstLine: n * 2 + 1, lineCount: 2, text: `Fatal ${n}\nok` });
    expect(buffer.search('fatal', 3)).toEqual([1, 3, 5]);
    expect(buffer.search('FATAL 99', 10)).toEqual([199]);
  });
});

describe('scroll scale', () => {
  it.each([10, 1_000, 1_000_000, 5_000_000])('reaches the first and the last of %i rows', (rows) => {
    const viewport = 600;
    const scale = scrollScale(rows, viewport);
    expect(scale.heightPx).toBeLessThanOrEqual(MAX_HEIGHT_PX);
    expect(scale.firstRow(0)).toBe(0);
    const end = Math.max(0, scale.heightPx - viewport);
    const last = scale.firstRow(end);
    expect(last + viewport / ROW_PX).toBeGreaterThanOrEqual(rows);
    const bottom = scale.topOf(rows - 1, end) + ROW_PX;
    expect(Math.abs(bottom - (rows * ROW_PX > viewport ? end + viewport : rows * ROW_PX))).toBeLessThan(1);
    expect(scale.firstRow(scale.scrollTopOf(Math.floor(rows / 2)))).toBeGreaterThanOrEqual(
      Math.min(last, Math.floor(rows / 2) - 1),
    );
  });
});
