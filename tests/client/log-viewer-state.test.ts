import { createSignal } from 'solid-js';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createLineSelection } from '../../client/features/runs/line-selection.ts';
import { createLogBuffer } from '../../client/features/runs/log-buffer.ts';
import { createLogScroll } from '../../client/features/runs/log-scroll.ts';
import { createLogSearch } from '../../client/features/runs/log-search.ts';
import { ROW_PX } from '../../client/features/runs/row-heights.ts';
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

  const lines = (show: ReturnType<typeof vi.fn>) => show.mock.calls.map(([hit]) => hit.line);

  it('shows the first hit while one types, then steps on and around the ends', () => {
    const { search, append, show } = open();
    append('ok\nFATAL a\nok\nfatal b fatal c');
    search.setText('fatal');
    expect([search.hitCount(), search.index(), search.current()]).toEqual([3, 0, { line: 2, column: 0 }]);
    search.step(1);
    search.step(1);
    expect(search.current()).toEqual({ line: 4, column: 8 });
    search.step(1);
    search.step(-1);
    expect(lines(show)).toEqual([2, 4, 4, 2, 4]);
    expect(search.summary()).toBe('3 / 3');
  });

  it('finds what comes later without moving there, and looks for nothing shorter than two characters', () => {
    const { search, append, show } = open();
    search.setText('later');
    search.step(1);
    expect([search.hitCount(), search.current(), search.summary()]).toEqual([0, undefined, 'not found']);
    append('x\nlater');
    expect([search.hitCount(), show.mock.calls.length]).toEqual([1, 0]);
    search.step(1);
    expect([search.current()?.line, lines(show)]).toEqual([2, [2]]);
    search.setText('x');
    expect([search.isOn(), search.current()]).toEqual([false, undefined]);
  });

  it('searches what a reader sees', () => {
    const { search, append } = open();
    append('fa\u001b[31mtal\u001b[0m\nfatal\rok\nİ FATAL');
    search.setText('fatal');
    expect([search.hitCount(), search.current()]).toEqual([2, { line: 1, column: 0 }]);
    search.step(1);
    expect(search.current()).toEqual({ line: 3, column: 2 });
    expect(search.columnsIn('İ FATAL fatal', 9)).toEqual([2, 8]);
  });

  it('counts all hits of a long log, in steps', async () => {
    const { search, append } = open();
    for (let batch = 0; batch < 100; batch += 1)
      append(Array(10_000).fill('\u001b[32mok\u001b[0m: host').join('\n'));
    search.setText('host');
    expect([search.isCounting(), search.current()?.line]).toEqual([true, 1]);
    await vi.waitFor(() => expect(search.isCounting()).toBe(false), 30_000);
    expect(search.hitCount()).toBe(1_000_000);
    search.step(-1);
    expect([search.current()?.line, search.summary()]).toEqual([1_000_000, '1,000,000 / 1,000,000']);
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
    selection.select(6, true);
    expect(selection.range()).toEqual([5, 6]);
    selection.select(4, false);
    expect(location.hash).toBe('#L4');
  });

  it('follows the address of the open page', async () => {
    const moved = vi.fn();
    const selection = inRoot(() => createLineSelection(moved));
    location.hash = '#L9-5';
    await vi.waitFor(() => expect(moved).toHaveBeenCalledWith(5));
    expect(selection.range()).toEqual([5, 9]);
  });
});

describe('scrolling of a log', () => {
  const open = (isFollowing = true) =>
    inRoot(() => {
      const [count, setCount] = createSignal(0);
      const [isWrapped, setWrapped] = createSignal(false);
      const scroll = createLogScroll(count, isWrapped, () => () => ROW_PX, isFollowing);
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

  it.each([1_000, 1_000_000, 3_000_000])(
    'goes exactly to a line of %i, and shows it with its neighbours',
    (lines) => {
      const { scroll, element, setCount } = open(false);
      setCount(lines);
      expect(element.scrollTop).toBe(0);
      expect(scroll.rows().length).toBeLessThan(50);
      for (const line of [1, lines / 2, lines / 2 + 1, lines]) {
        scroll.show(line);
        expect(scroll.rows()).toContain(line);
        const top = scroll.rowsTop() + (line - (scroll.rows()[0] ?? 0)) * ROW_PX - element.scrollTop;
        expect(top).toBeGreaterThanOrEqual(0);
        expect(top).toBeLessThanOrEqual(element.clientHeight - ROW_PX);
      }
    },
  );

  it.each([1_000, 1_000_000])('skips no line of %i when one pages or scrolls a little', (lines) => {
    const { scroll, element, setCount } = open(false);
    setCount(lines);
    scroll.show(lines / 2);
    const first = scroll.topLine();
    scroll.page(1);
    expect(scroll.topLine()).toBe(first + 9);
    for (let step = 0; step < 10; step += 1) {
      element.scrollTop += ROW_PX;
      scroll.scrolled();
    }
    expect(scroll.topLine()).toBe(first + 19);
    scroll.page(-1);
    expect(scroll.topLine()).toBe(first + 10);
  });

  it('reaches both ends of a log that is higher than an element may be', () => {
    const { scroll, element, setCount } = open(false);
    setCount(3_000_000);
    element.scrollTo({ top: 1e9 });
    expect([scroll.rows().at(-1), scroll.isFollowing()]).toEqual([3_000_000, true]);
    element.scrollTo({ top: 0 });
    expect(scroll.topLine()).toBe(1);
  });

  it('has all lines while they are wrapped, and keeps what one reads in its place when heights are corrected', () => {
    const { scroll, element, setCount, setWrapped } = open(false);
    setCount(5_000);
    setWrapped(true);
    scroll.show(2_500);
    const placeOf = (line: number, drawn: (line: number) => number) => {
      let top = scroll.rowsTop() - element.scrollTop;
      for (const row of scroll.rows()) if (row < line) top += drawn(row);
      return top;
    };
    const before = placeOf(2_500, () => ROW_PX);
    scroll.measured(
      scroll.rows()[0] ?? 0,
      scroll.rows().map(() => 3 * ROW_PX),
    );
    expect(placeOf(2_500, () => 3 * ROW_PX)).toBeCloseTo(before, 0);
    scroll.show(1);
    expect(scroll.topLine()).toBe(1);
    scroll.show(5_000);
    expect(scroll.rows()).toContain(5_000);
  });

  it('stays at the end of wrapped lines', () => {
    const { scroll, element, setCount, setWrapped } = open();
    setCount(5_000);
    setWrapped(true);
    scroll.measured(
      scroll.rows()[0] ?? 0,
      scroll.rows().map(() => 2 * ROW_PX),
    );
    expect(scroll.isFollowing()).toBe(true);
    expect(element.scrollTop).toBe(scroll.heightPx() - element.clientHeight);
    setCount(6_000);
    expect(scroll.rows()).toContain(6_000);
  });
});
