import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startLongTimer } from '../../../../server/runner/process/long-timer.ts';

const LONGEST_OF_NODE = 2 ** 31 - 1;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([0, 1, LONGEST_OF_NODE - 1, LONGEST_OF_NODE, LONGEST_OF_NODE + 1, 2_592_000_000, 3 * 2 ** 31 + 5])(
  'calls back once after %d ms, and not before',
  (ms) => {
    const onTime = vi.fn();
    const delays = vi.spyOn(globalThis, 'setTimeout');
    startLongTimer(ms, onTime);
    if (ms > 0) {
      vi.advanceTimersByTime(ms - 1);
      expect(onTime).not.toHaveBeenCalled();
    }
    vi.advanceTimersByTime(1);
    vi.advanceTimersByTime(ms);
    expect(onTime).toHaveBeenCalledTimes(1);
    // the clock of the tests knows no longest time
    for (const [, delay] of delays.mock.calls) expect(delay).toBeLessThanOrEqual(LONGEST_OF_NODE);
  },
);

it('calls back in the next turn where the time is over', () => {
  const onTime = vi.fn();
  startLongTimer(-5_000, onTime);
  expect(onTime).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onTime).toHaveBeenCalledTimes(1);
});

it.each([10, 2_592_000_000])('a timer of %d ms that was canceled never calls back', (ms) => {
  const onTime = vi.fn();
  const timer = startLongTimer(ms, onTime);
  vi.advanceTimersByTime(Math.floor(ms * 0.9));
  timer.cancel();
  vi.advanceTimersByTime(ms);
  expect(onTime).not.toHaveBeenCalled();
});
