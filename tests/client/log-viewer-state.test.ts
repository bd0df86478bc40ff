import { createSignal } from 'solid-js';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createLineSelection } from '../../client/features/runs/line-selection.ts';
import { createLogBuffer } from '../../client/features/runs/log-buffer.ts';
import { createLogScroll } from '../../client/features/runs/log-scroll.ts';
import { createLogSearch } from '../../client/features/runs/log-search.ts';
import { ROW_PX } from '../../client/features/runs/scroll-scale.ts';
import { inRoot } from './in-root.ts';

describe('search in a log', () => {
  const open = () =>
    inRoot(() => {
      const buffer = createLogBuffer();
      const [count, setCount] = createSignal(0);
      const show = vi.fn();
      const append = (text: string) => {
        const lineCount = text.split('\n').length;
        buffer.append({ firstLine: buffer.count() + 1, lineCount, text });
        setCount(buffer.count());
      };
      return { search: createLogSearch(buffer, count, show), append, show };
    });

  it('steps through the hits and around the ends', () => {
    const { search, append, show } = open();
    append('ok\nFATAL a\nok\nfatal b');
    search.setText('fatal');
    expect([search.hitCount(), search.line()]).toEqual([2, 2]);
    search.step(1);
    search.step(1);
    search.step(-1);
    expect(show.mock.calls).toEqual([[4], [2], [4]]);
    search.setText('ok');
    expect([search.index(), search.line()]).toEqual([0, 1]);
  });

  it('finds what comes later, and looks for nothing shorter than two characters', () => {
    const { search, append, show } = open();
    search.setText('later');
    search.step(1);
    expect([search.hitCount(), search.line(), show.mock.calls.length]).toEqual([0, undefined, 0]);
    append('x\nlater');
    expect(search.line()).toBe(2);
    search.setText('x');
    expect([search.isOn(), search.hitCount()]).toEqual([false, 0]);
  });
});

describe('selected lines', () => {
  beforeEach(() => history.replaceState(null, '', '#'));

  it.each([
    ['#L3', [3, 3]],
    ['#L3-7', [3, 7]],
    ['#L', null],
    ['#L3-', null],
    ['#L1234567890', null],
    ['#key=L3', null],
  ])('reads %s', (hash, range) => {
    history.replaceState(null, '', hash);
    expect(inRoot(createLineSelection).range()).toEqual(range);
  });

  it('moves, reaches from its first line in both directions, and writes the address', () => {
    const selection = inRoot(createLineSelection);
    selection.select(5, true);
    expect([selection.range(), location.hash]).toEqual([[5, 5], '#L5']);
    selection.select(9, true);
    expect([selection.range(), location.hash]).toEqual([[5, 9], '#L5-9']);
    expect([4, 5, 9, 10].map(selection.has)).toEqual([false, true, true, false]);
    selection.select(2, true);
    expect([selection.range(), location.hash]).toEqual([[2, 5], '#L2-5']);
    selection.select(4, false);
    expect(location.hash).toBe('#L4');
  });
});

describe('scrolling of a log', () => {
  const open = (isFollowing = true) =>
    inRoot(() => {
      const [count, setCount] = createSignal(0);
      const [isWrapped, setWrapped] = createSignal(false);
      const scroll = createLogScroll(count, isWrapped, isFollowing);
      const element = {
        scrollTop: 0,
        clientHeight: 10 * ROW_PX,
        get scrollHeight() {
          return scroll.heightPx();
        },
        scrollTo({ top }: ScrollToOptions) {
          element.scrollTop = Math.min(top ?? 0, element.scrollHeight - element.clientHeight);
          scroll.scrolled();
        },
      };
      scroll.attach(element as Parameters<typeof scroll.attach>[0]);
      scroll.resized();
      return { scroll, element, setCount, setWrapped };
    });

  it('stays at the end while lines come, and counts them once released', async () => {
    const { scroll, element, setCount } = open();
    setCount(1_000);
    await vi.waitFor(() => expect(element.scrollTop).toBe(990 * ROW_PX));
    expect(scroll.rows()).toContain(1_000);
    scroll.release();
    setCount(1_025);
    await Promise.resolve();
    expect([scroll.isFollowing(), scroll.unseen(), element.scrollTop]).toEqual([false, 25, 990 * ROW_PX]);
    scroll.follow();
    await vi.waitFor(() => expect(element.scrollTop).toBe(1_015 * ROW_PX));
    scroll.release();
    expect(scroll.unseen()).toBe(0);
  });

  it('follows again at the end, but not for the event of a scroll that came before the release', async () => {
    const { scroll, element, setCount } = open();
    setCount(1_000);
    await vi.waitFor(() => expect(element.scrollTop).toBe(990 * ROW_PX));
    scroll.release();
    scroll.scrolled();
    expect(scroll.isFollowing()).toBe(false);
    element.scrollTo({ top: 0 });
    expect(scroll.isFollowing()).toBe(false);
    element.scrollTo({ top: 999_999 });
    expect(scroll.isFollowing()).toBe(true);
  });

  it('begins where a link leads to, and shows that line with its neighbours', () => {
    const { scroll, element, setCount } = open(false);
    setCount(1_000_000);
    expect(element.scrollTop).toBe(0);
    expect(scroll.rows().length).toBeLessThan(50);
    scroll.show(500_000);
    expect(scroll.rows()).toContain(500_000);
    const top = scroll.topOf(500_000) - element.scrollTop;
    expect(top).toBeGreaterThanOrEqual(0);
    expect(top).toBeLessThan(element.clientHeight);
  });

  it('draws the last lines all at once while they are wrapped', () => {
    const { scroll, setCount, setWrapped } = open();
    setCount(5_000);
    setWrapped(true);
    expect([scroll.rows().length, scroll.rows()[0], scroll.rows().at(-1)]).toEqual([2_000, 3_001, 5_000]);
  });
});
