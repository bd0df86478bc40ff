import { render } from 'solid-js/web';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { ToastHost, toast, toastError } from '../../client/ui/toast.tsx';

beforeEach(() => {
  vi.useFakeTimers();
  const dispose = render(() => <ToastHost />, document.body.appendChild(document.createElement('div')));
  onTestFinished(() => {
    vi.runAllTimers();
    dispose();
    document.body.replaceChildren();
    vi.useRealTimers();
  });
});

const shown = () => [...document.querySelectorAll<HTMLElement>('[role=listitem]')];
const texts = () => shown().map((one) => one.textContent);
const pointer = (type: string) =>
  document.querySelector('.toasts')?.dispatchEvent(new MouseEvent(type, { bubbles: true }));

it('is announced, shown for six seconds, and tells errors apart', () => {
  const announcer = document.querySelector('[aria-live=polite]');
  expect(announcer?.textContent).toBe('');
  toast('Saved.');
  toastError(new Error('Lost.'));
  expect(texts()).toEqual(['Saved.', 'Lost.']);
  expect(shown().map((one) => one.closest('[aria-live]:not([aria-live=off])'))).toEqual([
    announcer,
    announcer,
  ]);
  expect(shown().map((one) => one.classList.contains('error'))).toEqual([false, true]);
  vi.advanceTimersByTime(5_900);
  expect(texts()).toHaveLength(2);
  vi.advanceTimersByTime(200);
  expect(texts()).toEqual([]);
});

it('stays while the pointer is on it', () => {
  toast('Saved.');
  vi.advanceTimersByTime(5_000);
  pointer('pointermove');
  vi.advanceTimersByTime(60_000);
  expect(texts()).toEqual(['Saved.']);
  pointer('pointerleave');
  vi.advanceTimersByTime(1_100);
  expect(texts()).toEqual([]);
});

it('stays while it has the focus, and Escape closes it', () => {
  toast('Saved.');
  shown()[0]?.focus();
  vi.advanceTimersByTime(60_000);
  expect(texts()).toEqual(['Saved.']);
  document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
  expect(texts()).toEqual([]);
});

it('shows a crowd in turns', () => {
  for (let n = 1; n <= 7; n += 1) toast(`${n}`);
  expect(texts()).toEqual(['1', '2', '3', '4', '5']);
  vi.advanceTimersByTime(6_100);
  expect(texts()).toEqual(['6', '7']);
});
